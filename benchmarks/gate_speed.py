"""Three models on the same examples: hubver in one process, against lm-evaluation-harness once for each model.

Base, production and candidate are one random Llama and two LoRA adapters on it, small or of about 100 million
parameters; the examples are the demo's tickets, each with all its possible answers as choices, or to go on from. Both
sides run on the same machine, in turn, on as many threads as hubver picks, in float32, in batches of 64, from the start
of Python to the last answer; processor seconds are given too, as they suffer less from what else the machine does. The
harness runs with its index of bundled tasks (as its command line does) and without.
Every decision must be the same, or there is no figure. Needs `hubver[lm-eval]`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 2
MODELS = ("base", "production", "candidate")
BATCH, NEW_TOKENS, STOP = 64, 24, "\n"


@dataclass(frozen=True)
class Scenario:
    """What is measured: the model's size, the kind of question, and how many examples."""

    size: str
    kind: str
    examples: int
    indexed: bool = False

    @property
    def threads(self) -> int:
        return 1 if self.size == "tiny" else os.cpu_count() or 1


SCENARIOS = (
    Scenario("tiny", "choices", 500, indexed=True),
    Scenario("tiny", "texts", 500),
    Scenario("100M", "choices", 24),
)
SIZES = {
    "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 4},
    "100M": {"hidden_size": 768, "intermediate_size": 2560, "num_hidden_layers": 12, "num_attention_heads": 12},
}


def make_models(folder: Path, size: str) -> None:
    """A base and two adapters that change its answers, with a tokenizer of the demo's tickets."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer(folder / "base")
    config = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=512, initializer_range=0.05, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **SIZES[size],
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    for seed, name in enumerate(MODELS[1:], start=1):
        torch.manual_seed(seed)
        base = LlamaForCausalLM.from_pretrained(folder / "base")
        model = get_peft_model(
            base, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        )
        for weight_name, weight in model.named_parameters():
            if "lora_B" in weight_name:
                torch.nn.init.normal_(weight, std=0.05)
        model.save_pretrained(folder / name)


def make_tokenizer(folder: Path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from hubver.demo import tickets

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1024, special_tokens=["<pad>", "<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(tickets.corpus(4000, "speed"), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>")
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_task(folder: Path, scenario: Scenario) -> None:
    """The same examples for both sides: rows, and the harness's task over them."""
    from hubver.demo import tickets

    choices = sorted({tickets.answer(queue, priority) for queue in tickets.SUBJECTS for priority in tickets.URGENCIES})
    rows = [
        {
            "prompt": row["prompt"],
            "choices": choices,
            "target": choices.index(row["completion"]),
            "text": row["completion"],
        }
        for row in tickets.rows(scenario.examples, "speed")
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    common = (
        f"task: {scenario.kind}\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    test: {folder}/rows.jsonl\n"
        'test_split: test\ndoc_to_text: "{{prompt}}"\ntarget_delimiter: ""\n'
    )
    kinds = {
        "choices": (
            "output_type: multiple_choice\ndoc_to_choice: choices\ndoc_to_target: target\n"
            "metric_list:\n  - metric: acc\n"
        ),
        "texts": (
            "output_type: generate_until\ndoc_to_target: text\n"
            f"generation_kwargs:\n  until: [{json.dumps(STOP)}]\n  max_gen_toks: {NEW_TOKENS}\n  do_sample: false\n"
            "metric_list:\n  - metric: exact_match\n"
        ),
    }
    (folder / "task.yaml").write_text(common + kinds[scenario.kind])


def hubver(folder: Path, kind: str, cached: str) -> None:
    """Ask all models in this process; production's answers from the last gate's file, if they are `cached`."""
    from hubver.gate.answers import AnswerFile
    from hubver.gate.engine import Engine, ModelSource
    from hubver.gate.requests import Generation, Likelihood

    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    requests = [
        Likelihood(row["prompt"], tuple(row["choices"]))
        if kind == "choices"
        else Generation(row["prompt"], NEW_TOKENS, stop=(STOP,))
        for row in rows
    ]
    engine, decisions = Engine(), {}
    kept = AnswerFile(folder / "answers", {"model": "production"}, engine.key())
    for name in MODELS:
        source = ModelSource(name, folder / name, None if name == "base" else folder / "base")
        if name == "production" and cached == "cached":
            answers = [kept.get(request) for request in requests]
            assert None not in answers
        else:
            answers = engine.load(source).answer(requests)
        if name == "production" and cached == "fresh":
            kept.add(zip(requests, answers, strict=True))
        decisions[name] = [
            max(range(len(answer)), key=lambda at, answer=answer: answer[at].log_probability)
            if isinstance(answer, tuple)
            else answer
            for answer in answers
        ]
    (folder / f"hubver-{cached}.json").write_text(json.dumps(decisions))


def harness(folder: Path, kind: str, name: str, index: str) -> None:
    """Ask one model with the harness."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    found = simple_evaluate(
        model="hf",
        model_args={"pretrained": str(folder / "base"), "dtype": "float32"}
        | ({} if name == "base" else {"peft": str(folder / name)}),
        tasks=[kind],
        task_manager=TaskManager(include_path=str(folder), include_defaults=index == "indexed"),
        batch_size=BATCH,
        device="cpu",
        bootstrap_iters=0,
        log_samples=True,
    )
    samples = sorted(found["samples"][kind], key=lambda sample: sample["doc_id"])
    decisions = []
    for sample in samples:
        answers = sample["filtered_resps"]
        if kind == "choices":
            decisions.append(max(range(len(answers)), key=lambda at, answers=answers: float(answers[at][0])))
        else:
            decisions.append(answers[0])
    (folder / f"harness-{name}.json").write_text(json.dumps(decisions))


def seconds(folder: Path, scenario: Scenario, *arguments: str) -> tuple[float, float]:
    """How long a process takes: on the clock, and on the processors."""
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
    environment = {**os.environ, **offline, "HF_HOME": str(folder / "home"), "OMP_NUM_THREADS": str(scenario.threads)}
    began, used = time.perf_counter(), processor()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate_speed", arguments[0], str(folder), scenario.kind, *arguments[1:]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began, processor() - used
    assert done.returncode == 0, done.stderr[-3000:]
    return took


def processor() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(root: Path, scenario: Scenario) -> None:
    folder = root / scenario.size
    make_task(folder, scenario)
    times: dict[str, list[tuple[float, float]]] = {}
    for round_ in range(ROUNDS):
        for cached in ("fresh", "cached"):
            times.setdefault(f"hubver, production {cached}", []).append(seconds(folder, scenario, "hubver", cached))
        for index in ("bare", *(["indexed"] if scenario.indexed and not round_ else [])):
            each = [seconds(folder, scenario, "harness", name, index) for name in MODELS]
            times.setdefault(f"lm_eval x3, {index}", []).append(
                (sum(wall for wall, _ in each), sum(cpu for _, cpu in each))
            )
        check(folder)
    ours, ours_cpu = (statistics.median(values) for values in zip(*times["hubver, production fresh"], strict=True))
    print(
        f"{scenario.size}, {scenario.examples} examples, {scenario.kind}, {scenario.threads} threads; ratio to hubver"
    )
    for name, measured in times.items():
        wall, cpu = (statistics.median(values) for values in zip(*measured, strict=True))
        walls = [value for value, _ in measured]
        spread = f"({min(walls):.1f} to {max(walls):.1f}, {len(walls)} rounds)"
        print(
            f"  {name:<28} {wall:7.1f} s {spread:<30} {wall / ours:.1f}x;  processor {cpu:7.1f} s {cpu / ours_cpu:.1f}x",
            flush=True,
        )


def check(folder: Path) -> None:
    """Every decision of every model is the same, whoever asked."""
    theirs = {name: json.loads((folder / f"harness-{name}.json").read_text()) for name in MODELS}
    for cached in ("fresh", "cached"):
        ours = json.loads((folder / f"hubver-{cached}.json").read_text())
        for name in MODELS:
            differing = [at for at, pair in enumerate(zip(ours[name], theirs[name], strict=True)) if pair[0] != pair[1]]
            assert not differing, f"{len(differing)} decisions of {name} differ, such as example {differing[0]}"
    assert len({json.dumps(decisions) for decisions in theirs.values()}) == len(MODELS), "the models do not differ"


def main(_arguments: list[str]) -> None:
    if importlib.util.find_spec("lm_eval") is None:
        print("gate_speed needs lm_eval 0.4.13: pip install lm_eval==0.4.13")
        return
    with tempfile.TemporaryDirectory() as root, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for scenario in SCENARIOS:
            if not (folder := Path(root) / scenario.size).is_dir():
                make_models(folder, scenario.size)
            measure(Path(root), scenario)


if __name__ == "__main__":
    {"hubver": hubver, "harness": harness}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
