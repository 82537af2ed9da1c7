from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hubver.record.digest import entry
from hubver.record.schema import Environment, RunRecord, Seeds, Training
from hubver.reproduce.causes import Cause, causes
from hubver.reproduce.closeness import Distance
from hubver.reproduce.compare import compare
from hubver.reproduce.environment import compare as environments

WEIGHTS = "adapter_model.safetensors"
CONFIG = b'{"r": 8, "peft_version": "0.21"}'


def record(files: dict[str, bytes], **parts) -> RunRecord:
    entries = tuple(entry(path, content) for path, content in files.items())
    return RunRecord(run_id="r", created=datetime(2026, 1, 2, tzinfo=timezone.utc), files=entries, **parts)


def graded(was: dict[str, bytes], now: dict[str, bytes], error: float | None = None) -> str:
    distance = Distance(error, None, (), 1)
    return compare(record(was), record(now), now, was.__getitem__, lambda: distance).grade


@pytest.mark.parametrize(
    ("now", "error", "grade"),
    [
        ({}, None, "identical"),
        ({WEIGHTS: b"2"}, 0.01, "within tolerance"),
        ({WEIGHTS: b"2"}, 0.2, "different"),
        ({WEIGHTS: b"2"}, None, "different"),
        ({"adapter_config.json": CONFIG.replace(b"0.21", b"0.22")}, None, "within tolerance"),
        ({"adapter_config.json": CONFIG.replace(b"8", b"9")}, None, "different"),
        ({"adapter_config.json": b"[]"}, None, "different"),
        ({"adapter_config.json": b"\xff"}, None, "different"),
        ({"tokenizer.json": b"{}"}, None, "different"),
        ({WEIGHTS: b"2", "adapter_config.json": b"{}"}, 0.0, "different"),
        ({"run/code.diff": b"other"}, None, "identical"),
    ],
)
def test_the_grade(now, error, grade):
    was = {WEIGHTS: b"1", "adapter_config.json": CONFIG}
    assert graded(was, {**was, **now}, error) == grade


def test_a_file_that_is_missing_is_a_difference():
    assert graded({WEIGHTS: b"1", "tokenizer.json": b"{}"}, {WEIGHTS: b"1"}) == "different"


def test_causes_come_in_the_order_of_what_they_decide():
    was = record({}, training=Training(seeds=Seeds(seed=0), arguments_class="x", arguments={"learning_rate": 0.1}))
    now = record({}, training=Training(seeds=Seeds(seed=1), arguments_class="x", arguments={"learning_rate": 0.2}))
    places = environments(Environment(threads=1, os="a"), Environment(threads=2, os="b"))
    found = causes(was, now, [Cause("data", "data rows: other")], places)
    assert [cause.group for cause in found] == ["data", "seed", "hyperparameters", "environment"]
    assert found[1].sentence == "seed 0 → 1"
    assert found[3].sentence.startswith("threads 1 → 2: ")


def test_without_a_record_of_the_second_run_the_environment_remains():
    places = environments(Environment(threads=1), Environment(threads=2))
    assert [cause.group for cause in causes(record({}), None, [], places)] == ["environment"]
    assert causes(record({}), record({}), [], ()) == ()
