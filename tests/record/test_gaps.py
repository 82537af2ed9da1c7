from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hubver.errors import BadSettings, Incomplete
from hubver.record import gaps
from hubver.record.schema import DataSource, Gap, RunRecord, Training

EMPTY = RunRecord(run_id="run-1", created=datetime(2026, 1, 2, tzinfo=timezone.utc))


def record(*fields: str, **parts) -> RunRecord:
    return EMPTY.model_copy(update={"gaps": tuple(Gap(field=field, reason="why") for field in fields), **parts})


@pytest.mark.parametrize("name", gaps.FILLS)
def test_every_name_is_a_field_of_the_record(name):
    value = EMPTY
    for step in name.split("."):
        assert step in type(value).model_fields
        value = getattr(value, step)


def test_strict_asks_for_known_names():
    gaps.check_names(gaps.STRICT, None)


def test_an_unknown_name_is_answered_with_all_that_are_known():
    with pytest.raises(BadSettings, match=r"'data\.sha'") as caught:
        gaps.check_names(["data", "data.sha"], None)
    assert all(name in caught.value.expected for name in gaps.FILLS)


@pytest.mark.parametrize(
    ("held", "required", "fields"),
    [
        pytest.param(record("data"), ["data"], ["data"], id="a gap of that name"),
        pytest.param(
            record("data.train.content_sha256", data=(DataSource(name="train"),)),
            ["data"],
            ["data.train.content_sha256"],
            id="a gap below it",
        ),
        pytest.param(
            record("database", data=(DataSource(name="x"),)), ["data"], [], id="a name that only begins alike"
        ),
        pytest.param(record(), ["data", "code.sha"], ["data", "code.sha"], id="nothing there, and no gap that says so"),
        pytest.param(
            record("code", code=EMPTY.code.model_copy(update={"sha": "a"})),
            ["code.sha"],
            [],
            id="a gap above a known value",
        ),
        pytest.param(record(), ["training.arguments"], [], id="all arguments at their defaults"),
        pytest.param(record("metrics"), [], [], id="nothing required"),
        pytest.param(record("data"), ["data", "data"], ["data"], id="required twice"),
        pytest.param(record(training=Training(seeds={"seed": 0})), ["training.seeds.seed"], [], id="zero is a value"),
    ],
)
def test_what_is_open(held, required, fields):
    assert [gap.field for gap in gaps.open_of(held, required)] == fields
    if not fields:
        gaps.require(held, required)
        return
    with pytest.raises(Incomplete, match="nothing was sent") as caught:
        gaps.require(held, required)
    assert caught.value.exit_code == 1
    assert all(field in caught.value.fact and field in caught.value.hint for field in fields)


def test_gaps_of_one_part_stand_together_and_share_a_reason():
    late = [Gap(field=name, reason="late") for name in ("code", "environment", "code.argv", "code")]
    code, sha, environment = gaps.grouped([*late, Gap(field="code.sha", reason="no git")])
    assert (code.part, code.lines, code.fill) == ("code", ("code, code.argv: late",), gaps.FILLS["code"])
    assert (sha.part, sha.lines, sha.fill) == ("code", ("code.sha: no git",), gaps.FILLS["code.sha"])
    assert environment.text == f"environment: late\n  → {gaps.FILLS['environment']}"


@pytest.mark.parametrize("field", ["later.field", "training.configuration"])
def test_a_gap_that_nothing_is_known_to_fill_is_shown_without_advice(field):
    (group,) = gaps.grouped([Gap(field=field, reason="why")])
    assert (group.part, group.fill, group.text) == (field.partition(".")[0], None, f"{field}: why")
