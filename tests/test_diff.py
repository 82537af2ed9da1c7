from __future__ import annotations

from pathlib import Path

import pytest

from hubver.diff import compare
from hubver.record.schema import DataSource, FileEntry, Metric, RunRecord

RECORD = RunRecord.from_bytes(
    (Path(__file__).resolve().parent.parent / "model_cards" / "example.hubver.json").read_bytes()
)


def changed(part: str, **values) -> RunRecord:
    return RECORD.model_copy(update={part: getattr(RECORD, part).model_copy(update=values)})


def data(*sources: DataSource) -> RunRecord:
    return RECORD.model_copy(update={"data": sources})


def packages(**versions: str | None) -> RunRecord:
    merged = {**RECORD.environment.packages, **versions}
    return changed("environment", packages={name: version for name, version in merged.items() if version})


TRAIN, EVAL, TICKETS = RECORD.data
ARGUMENTS = RECORD.training.arguments

CASES = {
    "learning rate": (
        changed("training", arguments={**ARGUMENTS, "learning_rate": 0.001}),
        [("training", "learning_rate 0.005 → 0.001")],
    ),
    "back to the default": (
        changed("training", arguments={name: value for name, value in ARGUMENTS.items() if name != "warmup_steps"}),
        [("training", "warmup_steps 5 → default")],
    ),
    "bookkeeping is no change": (
        changed("training", arguments={**ARGUMENTS, "logging_steps": 3, "report_to": ["wandb"], "save_steps": 9}),
        [],
    ),
    "unwatched training": (
        changed("training", arguments_class=None, arguments={}),
        [("training", "arguments_class trl.trainer.sft_config.SFTConfig → unknown")],
    ),
    "rank": (changed("training", peft={**RECORD.training.peft, "r": 8}), [("training", "r 16 → 8")]),
    "seed, said once": (
        changed(
            "training",
            seeds=RECORD.training.seeds.model_copy(update={"seed": 8}),
            arguments={**ARGUMENTS, "seed": 8},
        ),
        [("training", "seed 7 → 8")],
    ),
    "base commit": (
        changed("base_model", sha="f" * 40),
        [("base", f"base model's commit {RECORD.base_model.sha[:8]} → ffffffff")],
    ),
    "base": (changed("base_model", id="a/b"), [("base", "base model example-org/tiny-base → a/b")]),
    "fewer rows": (
        data(TRAIN.model_copy(update={"rows": 1280, "content_sha256": "0" * 64}), EVAL, TICKETS),
        [("data", "data train: 1,600 rows → 1,280 rows, other content")],
    ),
    "other rows": (
        data(TRAIN.model_copy(update={"content_sha256": "0" * 64}), EVAL, TICKETS),
        [("data", "data train: other content")],
    ),
    "data's commit": (
        data(TRAIN, EVAL, TICKETS.model_copy(update={"hub_sha": "e" * 40})),
        [("data", f"data example-org/tickets: commit {TICKETS.hub_sha[:8]} → eeeeeeee")],
    ),
    "data added and removed": (
        data(TRAIN, EVAL, DataSource(name="new.jsonl")),
        [("data", "data example-org/tickets removed"), ("data", "data new.jsonl added")],
    ),
    "tokenizer file": (
        changed(
            "tokenizer", files=(FileEntry(path="tokenizer.json", size=1, sha256="0" * 64), RECORD.tokenizer.files[1])
        ),
        [("tokenizer", "tokenizer.json: other content")],
    ),
    "chat template": (
        changed("tokenizer", chat_template_sha256="0" * 64),
        [("tokenizer", "chat template: none → one")],
    ),
    "dirty code": (
        changed("code", dirty=True, diff_sha256="0" * 64),
        [("code", "uncommitted changes: none → one")],
    ),
    "code": (changed("code", sha="d" * 40), [("code", f"code at commit {RECORD.code.sha[:8]} → dddddddd")]),
    "torch": (packages(torch="2.14.0"), [("environment", "torch 2.13.0 → 2.14.0")]),
    "other packages": (
        packages(idna="1", attrs="2"),
        [("environment", "2 other packages differ: attrs, idna")],
    ),
    "threads": (changed("environment", threads=4), [("environment", "threads 2 → 4")]),
    "better": (
        RECORD.model_copy(update={"metrics": (Metric(name="eval_loss", value=0.01, higher_is_better=False),)}),
        [("metrics", "router exact_match 0.987 → unknown"), ("metrics", "eval_loss 0.0213 → 0.01 (better)")],
    ),
    "worse": (
        RECORD.model_copy(update={"metrics": (RECORD.metrics[0].model_copy(update={"value": 0.9}), RECORD.metrics[1])}),
        [("metrics", "router exact_match 0.987 → 0.9 (worse)")],
    ),
    "another run of the same": (RECORD.model_copy(update={"run_id": "run-other", "version": "v9.0.0"}), []),
}


@pytest.mark.parametrize(("new", "expected"), CASES.values(), ids=CASES)
def test_a_change_is_named_once_and_in_its_group(new, expected):
    assert [(change.group, change.sentence) for change in compare(RECORD, new)] == expected


def test_a_first_release_has_no_changes():
    assert compare(None, RECORD) == ()
