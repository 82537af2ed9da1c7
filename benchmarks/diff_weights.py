"""Comparing the weights of two adapters on a Hub, against downloading both and comparing them with torch.

Two LoRA adapters of a model of seven billion parameters (rank 16, float32, 160 MB each) lie on a Hub in a process of its
own. `hubver diff --weights` reads them by parts and never forms an update. Whoever has no such tool downloads both and
forms `B @ A` with torch; the third way uses the same algebra as hubver, so that what is left is the download and torch.
Each is a process of its own, timed from its start to its end, in turn, with nothing downloaded before. Forming the
updates takes so long that it is done once, unless `--formed` says more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import servers

REPO = "acme/bench"
# In and out of each module of a Llama of seven billion parameters.
SHAPES = {
    **{f"self_attn.{name}": (4096, 4096) for name in ("q_proj", "k_proj", "v_proj", "o_proj")},
    **{f"mlp.{name}": (4096, 11008) for name in ("gate_proj", "up_proj")},
    "mlp.down_proj": (11008, 4096),
}
LAYERS = 32
FORMED = "download, torch, B A formed"
BY_TORCH = """
import json, sys
import torch
from huggingface_hub import hf_hub_download
from safetensors.torch import load_file

repo, formed, *revisions = sys.argv[1:]
sides = []
for revision in revisions:
    config = json.load(open(hf_hub_download(repo, "adapter_config.json", revision=revision)))
    tensors = load_file(hf_hub_download(repo, "adapter_model.safetensors", revision=revision))
    sides.append((config["lora_alpha"] / config["r"], tensors))
(one, left), (other, right) = sides
product, norms = 0.0, [0.0, 0.0]
for name in left:
    if ".lora_A." not in name:
        continue
    pair = name.replace(".lora_A.", ".lora_B.")
    if formed == "formed":
        a, b = one * left[pair] @ left[name], other * right[pair] @ right[name]
        sums = [float((x * y).sum()) for x, y in ((a, b), (a, a), (b, b))]
    else:
        sums = [
            float(((x[pair].T @ y[pair]) * (x[name] @ y[name].T)).sum()) * scale
            for x, y, scale in ((left, right, one * other), (left, left, one**2), (right, right, other**2))
        ]
    product += sums[0]
    norms = [norm + more for norm, more in zip(norms, sums[1:])]
print(json.dumps(product / (norms[0] * norms[1]) ** 0.5))
"""


def write_adapter(folder: Path, seed: int, rank: int) -> int:
    """An adapter of random factors; returns the size of its weights in bytes."""
    import numpy as np
    from safetensors.numpy import save_file

    random = np.random.default_rng(seed)
    shared = np.random.default_rng(0)
    tensors = {}
    for layer in range(LAYERS):
        for module, (wide, high) in SHAPES.items():
            for side, shape in (("A", (rank, wide)), ("B", (high, rank))):
                # Partly alike, so that there is a cosine to find.
                value = random.standard_normal(shape, dtype=np.float32) + shared.standard_normal(
                    shape, dtype=np.float32
                )
                tensors[f"base_model.model.model.layers.{layer}.{module}.lora_{side}.weight"] = value * np.float32(0.01)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "base_model_name_or_path": "acme/base",
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": sorted({name.rpartition(".")[2] for name in SHAPES}),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return (folder / "adapter_model.safetensors").stat().st_size


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, int, str]:
    """Seconds, bytes of memory at the peak, and what the process printed."""
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[:4]} ended with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024, output


def cosine(output: str) -> float:
    found = json.loads(output)
    return found if isinstance(found, float) else found["weights"]["cosine"]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="diff_weights", description="Two adapters' weights, against torch")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formed", type=int, default=1, help="rounds of the way that forms the updates")
    chosen = parser.parse_args(arguments)
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory(prefix="hubver-bench-") as name:
        folder = Path(name)
        with servers.hub(folder / "hub") as server:
            endpoint, token = (server.environment[key] for key in ("HF_ENDPOINT", "HF_TOKEN"))
            api = HfApi(endpoint=endpoint, token=token)
            api.create_repo(REPO)
            shas = []
            for seed in (1, 2):
                size = write_adapter(folder / str(seed), seed, chosen.rank)
                shas.append(api.upload_folder(repo_id=REPO, folder_path=folder / str(seed)).oid)
                shutil.rmtree(folder / str(seed))
            cache = folder / "cache"
            environment = {
                **os.environ,
                **server.environment,
                "HF_HOME": str(cache),
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            }
            ours = [sys.executable, "-m", "hubver", "diff", f"{REPO}@{shas[0]}", shas[1], "--weights", "--json"]
            ways = {
                "hubver diff --weights": ours,
                "download, torch, our algebra": [sys.executable, "-c", BY_TORCH, REPO, "factors", *shas],
                FORMED: [sys.executable, "-c", BY_TORCH, REPO, "formed", *shas],
            }
            print(f"two adapters of {size / 1e6:.0f} MB, rank {chosen.rank}, {os.cpu_count()} processors")
            report(
                {name: chosen.formed if name == FORMED else chosen.rounds for name in ways}, ways, environment, cache
            )


def report(rounds: dict[str, int], ways: dict[str, list[str]], environment: dict[str, str], cache: Path) -> None:
    times: dict[str, list[float]] = {name: [] for name in ways}
    memory = dict.fromkeys(ways, 0)
    answers: dict[str, float] = {}
    for number in range(max(rounds.values())):
        for name, command in ways.items():
            if number >= rounds[name]:
                continue
            shutil.rmtree(cache, ignore_errors=True)
            seconds, peak, output = measured(command, environment)
            print(f"round {number + 1}: {name}, {seconds:.2f} s", file=sys.stderr)
            times[name].append(seconds)
            memory[name] = max(memory[name], peak)
            answers[name] = cosine(output)
    if answers and max(answers.values()) - min(answers.values()) > 1e-3:
        raise RuntimeError(f"the ways disagree: {answers}")
    base = statistics.median(next(iter(times.values())))
    print("median (fastest to slowest, rounds), memory at the peak, cosine found")
    for name, seconds in times.items():
        if seconds:
            median = statistics.median(seconds)
            print(
                f"  {name:<30} {median:6.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, {len(seconds)})"
                f"  {median / base:5.1f}x  {memory[name] / 2**20:6.0f} MiB  {answers[name]:+.4f}"
            )
