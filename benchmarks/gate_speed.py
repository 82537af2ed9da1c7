"""Three models on the same examples: hubver in one process, against lm-evaluation-harness once for each model.

Base, production and candidate are one random Llama and two LoRA adapters on it, small or of about 100 million
parameters; the examples are the demo's tickets, each with all its possible answers as choices, or to go on from. Both
sides run on the same machine, in turn, on as many threads as hubver picks, in float32, in batches of 64, from the start
of Python to the last answer; processor seconds are given too, as they suffer less from what else the machine does. The
harness runs with its index of bundled tasks (as its command line does) and without. hubver runs on all examples; with
production's answers kept from the gate before; and so while it also stops as soon as its two comparisons (candidate with
production, candidate with base) are decided, as gates do.
Every decision that is made must be the same, and the comparisons' outcomes too, or there is no figure. Needs `hubver[lm-eval]`.
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

from benchmarks.gate_inputs import MODELS, NEW_TOKENS, STOP, make_models, make_task

ROUNDS = 2
BATCH = 64
# How many examples are looked at first by whoever may stop early, and how much worse the candidate may be.
FIRST_LOOK, MARGIN = 64, 0.1


@dataclass(frozen=True)
class Scenario:
    """What is measured: the model's size, the kind of question, and how many examples."""

    size: str
    kind: str
    examples: int
    indexed: bool = False

    @property
    def modes(self) -> tuple[str, ...]:
        """How hubver runs; there is no stopping where the first look is at everything."""
        return ("full", "cached", *(["stopping"] if self.examples > FIRST_LOOK else []))

    @property
    def threads(self) -> int:
        return 1 if self.size == "tiny" else os.cpu_count() or 1


SCENARIOS = (
    Scenario("tiny", "choices", 500, indexed=True),
    Scenario("tiny", "texts", 500),
    Scenario("100M", "choices", 24),
)
ROW_NAMES = {"full": "hubver", "cached": "hubver, production cached", "stopping": "hubver, cached and stopping"}


def hubver(folder: Path, kind: str, mode: str) -> None:
    """Ask all models in this process; but in the mode `full`, production's answers come from the last gate's file."""
    from hubver.gate.asking.answers import AnswerFile
    from hubver.gate.asking.requests import Generation, Likelihood
    from hubver.gate.engine import Engine, ModelSource
    from hubver.gate.statistics import shuffled

    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    requests = [
        Likelihood(row["prompt"], tuple(row["choices"]))
        if kind == "choices"
        else Generation(row["prompt"], NEW_TOKENS, stop=(STOP,))
        for row in rows
    ]
    engine = Engine()
    kept = AnswerFile(folder / "answers", {"model": "production"}, engine.key())

    def ask(name: str, asked: list[Generation | Likelihood]) -> list:
        if name == "production" and mode != "full":
            return [kept.get(request) for request in asked]
        answers = engine.load(ModelSource(name, folder / name, None if name == "base" else folder / "base")).answer(
            asked
        )
        if name == "production":
            kept.add(zip(asked, answers, strict=True))
        return answers

    order = shuffled([str(at) for at in range(len(rows))], 0)
    decisions: dict[str, dict[str, int | str]] = {name: {} for name in MODELS}
    size = FIRST_LOOK if mode == "stopping" else len(rows)
    while True:
        new = order[len(decisions["base"]) : size]
        for name in MODELS:
            answers = ask(name, [requests[int(at)] for at in new])
            decisions[name] |= {at: decided(answer) for at, answer in zip(new, answers, strict=True)}
        outcomes, settled = judged(rows, decisions)
        if settled or size >= len(rows):
            break
        size *= 2
    (folder / f"hubver-{mode}.json").write_text(json.dumps({"decisions": decisions, "outcomes": outcomes}))


def decided(answer) -> int | str:
    """The likeliest choice, or the text."""
    return answer if isinstance(answer, str) else max(range(len(answer)), key=lambda at: answer[at].log_probability)


def judged(rows: list, decisions: dict[str, dict[str, int | str]]) -> tuple[list[str], bool]:
    """The outcome of both comparisons, and whether more examples would change nothing."""
    from hubver.gate.policies import no_regression, retained, settled

    base, production, candidate = (
        {at: float(decision in (rows[int(at)]["target"], rows[int(at)]["text"])) for at, decision in of_model.items()}
        for of_model in decisions.values()
    )
    results = [
        no_regression("tickets", candidate, production, MARGIN, planned=len(rows)),
        retained("tickets", candidate, base, MARGIN, planned=len(rows)),
    ]
    return [result.outcome for result in results], all(settled(result, len(results)) for result in results)


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
        for mode in scenario.modes:
            times.setdefault(ROW_NAMES[mode], []).append(seconds(folder, scenario, "hubver", mode))
        for index in ("bare", *(["indexed"] if scenario.indexed and not round_ else [])):
            each = [seconds(folder, scenario, "harness", name, index) for name in MODELS]
            times.setdefault(f"lm_eval x3, {index}", []).append(
                (sum(wall for wall, _ in each), sum(cpu for _, cpu in each))
            )
        asked = check(folder, scenario)
    ours, ours_cpu = (statistics.median(values) for values in zip(*times[ROW_NAMES["full"]], strict=True))
    print(
        f"{scenario.size}, {scenario.examples} examples, {scenario.kind}, {scenario.threads} threads; ratio to hubver's "
        f"first row; stopping after {asked}"
    )
    for name, measured in times.items():
        wall, cpu = (statistics.median(values) for values in zip(*measured, strict=True))
        walls = [value for value, _ in measured]
        spread = f"({min(walls):.1f} to {max(walls):.1f}, {len(walls)} rounds)"
        print(
            f"  {name:<28} {wall:7.1f} s {spread:<30} {wall / ours:.2f}x;  processor {cpu:7.1f} s {cpu / ours_cpu:.2f}x",
            flush=True,
        )


def check(folder: Path, scenario: Scenario) -> int:
    """See that every decision of every model is the same, whoever asked, and count those it took to stop."""
    theirs = {name: json.loads((folder / f"harness-{name}.json").read_text()) for name in MODELS}
    ours = {mode: json.loads((folder / f"hubver-{mode}.json").read_text()) for mode in scenario.modes}
    for mode, found in ours.items():
        assert found["outcomes"] == ours["full"]["outcomes"], f"{mode}: {found['outcomes']}"
        for name, decisions in found["decisions"].items():
            assert mode == "stopping" or len(decisions) == scenario.examples
            differing = [at for at, decision in decisions.items() if decision != theirs[name][int(at)]]
            assert not differing, f"{len(differing)} decisions of {name} differ, such as example {differing[0]}"
    assert len({json.dumps(decisions) for decisions in theirs.values()}) == len(MODELS), "the models do not differ"
    return len(ours[scenario.modes[-1]]["decisions"]["candidate"])


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
