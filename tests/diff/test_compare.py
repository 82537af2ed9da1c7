from __future__ import annotations

from pathlib import Path

import pytest

from hubver.diff import bump, compare, factors, propose
from hubver.record.schema import DataSource, FileEntry, Function, Gap, Metric, RunRecord

RECORD = RunRecord.from_bytes(
    (Path(__file__).resolve().parents[2] / "model_cards" / "example.hubver.json").read_bytes()
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
        [("hyperparameters", "learning_rate 0.005 → 0.001")],
    ),
    "back to the default": (
        changed("training", arguments={name: value for name, value in ARGUMENTS.items() if name != "warmup_steps"}),
        [("hyperparameters", "warmup_steps 5 → default")],
    ),
    "bookkeeping is no change": (
        changed("training", arguments={**ARGUMENTS, "logging_steps": 3, "report_to": ["wandb"], "save_steps": 9}),
        [],
    ),
    "unwatched training": (
        changed("training", arguments_class=None, arguments={}),
        [("hyperparameters", "arguments_class trl.trainer.sft_config.SFTConfig → unknown")],
    ),
    "rank": (changed("training", peft={**RECORD.training.peft, "r": 8}), [("adapter", "r 16 → 8")]),
    "seed, said once": (
        changed(
            "training",
            seeds=RECORD.training.seeds.model_copy(update={"seed": 8}),
            arguments={**ARGUMENTS, "seed": 8},
        ),
        [("seed", "seed 7 → 8")],
    ),
    "base commit": (
        changed("base_model", sha="f" * 40),
        [("base", f"base model's commit (same configuration and weights) {RECORD.base_model.sha[:8]} → ffffffff")],
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


def seeded(seed: int, *, record: RunRecord = RECORD) -> RunRecord:
    training = record.training
    training = training.model_copy(update={"seeds": training.seeds.model_copy(update={"seed": seed})})
    return record.model_copy(update={"training": training})


def trained(record: RunRecord = RECORD, **values) -> RunRecord:
    return record.model_copy(update={"training": record.training.model_copy(update=values)})


def other_data(record: RunRecord, *, pinned: bool, rows: int = 1600) -> RunRecord:
    """Other rows before the trainer, with what lies behind them left alone or not."""
    train = TRAIN.model_copy(update={"rows": rows, "content_sha256": "1" * 64})
    behind = TICKETS if pinned else TICKETS.model_copy(update={"hub_sha": "2" * 40})
    return record.model_copy(update={"data": (train, EVAL, behind)})


RETOKENIZED = other_data(
    changed("tokenizer", vocab_size=900, files=(FileEntry(path="tokenizer.json", size=1, sha256="3" * 64),)),
    pinned=True,
)
UNWATCHED = trained(arguments_class=None, arguments={}, seeds=RECORD.training.seeds.model_copy(update={"seed": None}))
OTHER_WEIGHTS = RECORD.model_copy(
    update={"files": (RECORD.files[0], RECORD.files[1].model_copy(update={"sha256": "4" * 64}), *RECORD.files[2:])}
)
FULL = RECORD.model_copy(update={"weights": RECORD.weights.model_copy(update={"kind": "full", "lora": None})})
LONGER = trained(other_data(RECORD, pinned=False, rows=3200), steps=300, epochs=1.5)

# What differs, the factors, those that nobody can tell, the version.
FACTORS = {
    "nothing": (RECORD, (), (), "patch"),
    "another training of the same, by chance": (OTHER_WEIGHTS, (), (), "minor"),
    "the commit that the data come from": (other_data(RECORD, pinned=False), ("data",), (), "minor"),
    "more data make more steps": (LONGER, ("data",), (), "minor"),
    "steps that nothing explains": (trained(steps=99), ("hyperparameters",), (), "minor"),
    "an epoch less, as asked": (
        trained(steps=99, arguments={**ARGUMENTS, "max_steps": 99}),
        ("hyperparameters",),
        (),
        "minor",
    ),
    "a tokenizer makes other rows of the same data": (RETOKENIZED, ("tokenizer",), (), "major"),
    "a seed shuffles the same data": (other_data(seeded(8), pinned=True), ("seed",), (), "minor"),
    "rows that the script left out": (other_data(RECORD, pinned=True, rows=1280), ("data",), (), "minor"),
    "rows that the script left out, and a seed": (
        other_data(seeded(8), pinned=True, rows=1280),
        ("data", "seed"),
        (),
        "minor",
    ),
    "packing makes fewer rows of longer ones": (
        trained(other_data(RECORD, pinned=True, rows=400), arguments={**ARGUMENTS, "packing": True}, steps=40),
        ("hyperparameters",),
        (),
        "minor",
    ),
    "rows that nothing pins, and a tokenizer": (
        RETOKENIZED.model_copy(update={"data": RETOKENIZED.data[:2]}),
        ("data", "tokenizer"),
        (),
        "major",
    ),
    "a rank": (
        trained(peft={**RECORD.training.peft, "r": 8}).model_copy(
            update={
                "weights": RECORD.weights.model_copy(
                    update={"parameters": 5, "lora": RECORD.weights.lora.model_copy(update={"ranks": (8,)})}
                )
            }
        ),
        ("adapter",),
        (),
        "minor",
    ),
    "a rank that the configuration hides": (
        RECORD.model_copy(
            update={
                "weights": RECORD.weights.model_copy(
                    update={"lora": RECORD.weights.lora.model_copy(update={"ranks": (8,)})}
                )
            }
        ),
        ("adapter",),
        (),
        "minor",
    ),
    "a whole model": (FULL, ("adapter",), (), "major"),
    "another base with its tokenizer": (
        RETOKENIZED.model_copy(update={"base_model": RECORD.base_model.model_copy(update={"id": "a/b"})}),
        ("base",),
        (),
        "major",
    ),
    "another commit of the base, and a tokenizer": (
        RETOKENIZED.model_copy(update={"base_model": RECORD.base_model.model_copy(update={"sha": "f" * 40})}),
        ("base", "tokenizer"),
        (),
        "major",
    ),
    "the same base from a folder": (changed("base_model", id=None, sha=None), (), (), "patch"),
    "another base from a folder": (
        changed("base_model", id=None, sha=None, weights_sha256="5" * 64),
        ("base",),
        (),
        "major",
    ),
    "where the output goes": (changed("code", argv=("--output", "b")), (), (), "patch"),
    "how often it is evaluated": (trained(arguments={**ARGUMENTS, "eval_steps": 7}), (), (), "patch"),
    "the base's commit, asked for by the trainer's arguments": (
        trained(arguments={**ARGUMENTS, "model_init_kwargs": {"revision": "f" * 40}}).model_copy(
            update={"base_model": RECORD.base_model.model_copy(update={"sha": "f" * 40})}
        ),
        ("base",),
        (),
        "major",
    ),
    "how the base is run": (
        trained(arguments={**ARGUMENTS, "model_init_kwargs": {"attn_implementation": "eager"}}),
        ("hyperparameters",),
        (),
        "minor",
    ),
    "the formatting": (
        trained(functions=(Function(role="formatting", name="train.text", source_sha256="6" * 64),)),
        ("code",),
        (),
        "minor",
    ),
    "a machine with more memory": (changed("environment", memory_bytes=1, os="x"), (), (), "patch"),
    "a package that computes": (packages(torch="2.14.0"), ("environment",), (), "minor"),
    "a package that does not": (packages(idna="1"), (), (), "patch"),
    "more processes make larger batches": (
        trained(world_size=2, effective_batch_size=32),
        ("environment",),
        (),
        "minor",
    ),
    "a run that nobody watched": (UNWATCHED, (), ("hyperparameters", "seed"), "minor"),
    "code that only the push saw": (
        changed("code", sha="d" * 40).model_copy(
            update={"gaps": (*RECORD.gaps, Gap(field="code", reason="captured at push, not at training"))}
        ),
        (),
        ("code",),
        "minor",
    ),
    "three": (
        trained(seeded(8, record=packages(torch="2.14.0")), arguments={**ARGUMENTS, "learning_rate": 0.1}),
        ("hyperparameters", "seed", "environment"),
        (),
        "minor",
    ),
}


@pytest.mark.parametrize(("new", "expected", "unknown", "version"), FACTORS.values(), ids=FACTORS)
def test_causes_are_told_from_what_follows(new, expected, unknown, version):
    changes = compare(RECORD, new)
    assert (factors(changes).changed, factors(changes).unknown) == (expected, unknown)
    assert bump(changes) == version


@pytest.mark.parametrize("new", [case[0] for case in FACTORS.values()], ids=FACTORS)
def test_the_way_back_has_the_same_factors(new):
    assert factors(compare(new, RECORD)) == factors(compare(RECORD, new))


def test_the_factors_make_a_sentence():
    def said(new: RunRecord) -> str:
        return str(factors(compare(RECORD, new)))

    assert said(seeded(8)) == "One factor changed: seed."
    assert said(RECORD) == "No factor is known to have changed."
    assert said(trained(seeded(8), peft={**RECORD.training.peft, "r": 8})) == (
        "Two factors changed: the adapter's shape, seed."
    )
    assert said(UNWATCHED) == ("No factor is known to have changed. Not recorded by both runs: hyperparameters, seed.")


def test_a_proposal_says_why():
    before = RECORD.model_copy(update={"run_id": "run-before"})
    assert propose(None, RECORD).bump == "minor"
    assert propose(before, RETOKENIZED).reason == "vocabulary 1024 → 900"
    assert propose(before, seeded(8)).reason == "seed 7 → 8"
    assert propose(before, OTHER_WEIGHTS).reason == "weights: other content"
    assert propose(before, RECORD).bump == "patch"


def test_a_run_that_is_published_anew_is_not_compared_with_itself():
    assert propose(RECORD, RECORD).bump == "minor"
