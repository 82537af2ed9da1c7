"""What a training costs with its checkpoints published as it goes, against the same training without.

One tiny language model, of 20 MB, is trained for some epochs and saved after each; three ways in turn, in processes of their own,
several rounds: without hubver, with `HubverCallback`, and with `HubverCallback(checkpoints="all")` that publishes every
epoch to an embedded Hub in yet another process. Given are the seconds from the first step to the last, and the processor
seconds of the training process over the same time, which suffer less from what else the machine does. Publishing takes
processor time too, and where training leaves no core free, as here where everything shares two, the clock counts it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = ("without", "recorded", "published")
_WORDS = 1000


def train(way: str, output: str, epochs: int, rows: int, repo_id: str) -> None:
    """One training; what it took is its last line."""
    import time

    import torch
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

    class Clock(TrainerCallback):
        """From the first step's beginning to the last one's end, saves included."""

        def on_train_begin(self, *_args, **_kwargs):
            self.began = (time.perf_counter(), time.process_time())

        def on_train_end(self, *_args, **_kwargs):
            self.took = (time.perf_counter() - self.began[0], time.process_time() - self.began[1])

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=_WORDS, hidden_size=256, intermediate_size=1024, num_hidden_layers=4, num_attention_heads=4
    )
    ids = torch.randint(0, _WORDS, (rows, 64)).tolist()
    # Before and after the callback: what it does as training begins counts, and what it does at the end does not.
    clock = Clock()
    callbacks = [clock]
    if way != "without":
        from hubver import HubverCallback

        published = {"push_to": repo_id, "checkpoints": "all"} if way == "published" else {}
        callbacks.append(HubverCallback(**published))
    trainer = Trainer(
        model=LlamaForCausalLM(config),
        args=TrainingArguments(
            output_dir=output, num_train_epochs=epochs, per_device_train_batch_size=4, save_strategy="epoch",
            save_total_limit=1, save_only_model=True, report_to="none", use_cpu=True, disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict({"input_ids": ids, "labels": ids}),
        callbacks=callbacks,
    )  # fmt: skip
    trainer.train()
    print(json.dumps({"wall": clock.took[0], "cpu": clock.took[1]}))


def run(way: str, folder: Path, options: argparse.Namespace, number: int, hub: dict[str, str]) -> dict[str, float]:
    """Train in a process of its own, and say what it took."""
    output = folder / f"{way}-{number}"
    environment = {**os.environ, **hub, "HF_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.training", way, str(output)]
    command += [str(options.epochs), str(options.rows), f"acme/{way}-{number}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


def check(hub: dict[str, str], repo_id: str, epochs: int) -> None:
    """Every epoch has arrived, or there is no figure."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub["HF_ENDPOINT"], token=hub["HF_TOKEN"])
    (branch,) = [ref.name for ref in api.list_repo_refs(repo_id).branches if ref.name.startswith("runs/")]
    arrived = [commit for commit in api.list_repo_commits(repo_id, revision=branch) if "checkpoint" in commit.title]
    assert len(arrived) == epochs, f"{len(arrived)} of {epochs} epochs have arrived in {repo_id}"


def serving(folder: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """A Hub in a process of its own."""
    code = (
        "import json, sys\nfrom hubver.localhub import LocalHub\n"
        "with LocalHub(sys.argv[1]) as hub:\n    print(json.dumps(hub.environment()), flush=True)\n    sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    environment: dict[str, str] = json.loads(process.stdout.readline())
    return process, environment


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=256, help="of each epoch: four a step")
    options = parser.parse_args(arguments)
    taken: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as root:
        process, hub = serving(Path(root) / "hub")
        try:
            for number in range(options.rounds):
                # Another order each round, so that what the machine does beside goes by nobody's account alone.
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
                for way in WAYS[number % 3 :] + WAYS[: number % 3]:
                    taken[way].append(run(way, Path(root), options, number, hub))
                check(hub, f"acme/published-{number}", options.epochs)
        finally:
            process.communicate()
    cores = os.cpu_count()
    print(
        f"training of {options.epochs} epochs, each saved; {options.rounds} rounds on {cores} cores; ratio to without"
    )
    for measure, name in (("wall", "clock"), ("cpu", "processor of the training")):
        before = statistics.median(one[measure] for one in taken["without"])
        for way in WAYS:
            values = [one[measure] for one in taken[way]]
            spread = f"({min(values):.2f} to {max(values):.2f})"
            median = statistics.median(values)
            print(f"  {name:<26} {way:<10} {median:7.2f} s {spread:<18} {median / before:.3f}x")


if __name__ == "__main__":
    way, output, epochs, rows, repo_id = sys.argv[1:]
    train(way, output, int(epochs), int(rows), repo_id)
