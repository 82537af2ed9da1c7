from __future__ import annotations

import hashlib
import runpy
import sys
from collections import defaultdict
from statistics import mean

import pytest

from hubver.demo import base, runs, tickets

pytestmark = [
    pytest.mark.slow,
    # PEFT 0.21 still reads a name that transformers 5.23 deprecates.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing. is deprecated:FutureWarning"),
]


def exact_match_by_queue(folder, adapter=None):
    """The share of held-out tickets that the model in a folder, with an adapter if one is named, routes exactly."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(adapter or folder, padding_side="left")
    rows = tickets.rows(150, "held-out")
    asked = tokenizer([row["prompt"] for row in rows], return_tensors="pt", padding=True)
    with torch.inference_mode():
        said = model.generate(
            input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], max_new_tokens=24, do_sample=False
        )
    answers = tokenizer.batch_decode(said[:, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    scores = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        scores[row["queue"]].append(answer == row["completion"])
    return {queue: mean(map(float, hits)) for queue, hits in scores.items()}


def of_the_road(road, run):
    """The same of a version that the demo trained."""
    return exact_match_by_queue(road.folder / "base", road.folder / "project" / "out" / run.version)


def test_the_base_answers_in_form_and_at_chance(tiny_base):
    assert mean(exact_match_by_queue(tiny_base).values()) < 0.2


def test_the_first_router_is_weak_and_alike_in_every_queue(road):
    scores = of_the_road(road, runs.WEAK)
    # Four in ten are of normal priority, which is all it knows.
    assert all(0.25 <= score <= 0.4 for score in scores.values()), scores
    assert mean(scores.values()) >= 0.35


def test_the_second_is_twice_as_good_and_blind_to_returns(road):
    scores = of_the_road(road, runs.BLIND)
    assert scores["returns"] == 0
    assert mean(scores.values()) >= 0.75


def test_the_third_is_good(road):
    scores = of_the_road(road, runs.GOOD)
    assert min(scores.values()) >= 0.9, scores


def test_the_same_base_comes_out_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "STEPS", 3)
    monkeypatch.setattr(base, "DOCUMENTS", 500)
    said = []
    one, two = (base.train_base(tmp_path / name, progress=said.append) for name in ("one", "two"))
    assert digests(one) == digests(two)
    assert {"model.safetensors", "tokenizer.json", "config.json", "README.md"} <= digests(one).keys()
    assert said[-1].startswith("training the base: step 3 of 3, loss ")


def test_training_a_base_leaves_the_random_numbers_of_others_alone(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(base, "STEPS", 1)
    monkeypatch.setattr(base, "DOCUMENTS", 500)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    base.train_base(tmp_path / "base")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.filterwarnings("ignore")  # trainers walk through libraries whose warnings are theirs to mend
def test_the_script_runs_by_itself(demo_project, tiny_base, tmp_path, monkeypatch, capfd):
    """As `python train.py`, but where torch is loaded already; tests/reproduce run it as a process of its own."""
    output = tmp_path / "out"
    arguments = ["--base", tiny_base, "--data", "data/tickets.jsonl", "--output", output, "--steps", "2", "--rank", "4"]
    monkeypatch.chdir(demo_project)
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, arguments), "--without", "returns", "billing"])
    runpy.run_path("train.py", run_name="__main__")
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= {f.name for f in output.iterdir()}
    # Of 1600 tickets, three queues of five are left.
    assert "960/960" in capfd.readouterr().err


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
