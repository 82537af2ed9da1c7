from __future__ import annotations

import math
from datetime import datetime, timezone

import pytest

from hubver.documents import canonical_json
from hubver.errors import BadDocument
from hubver.hub.events import (
    MOST_ROLLBACK_POINTS,
    Adopted,
    Channel,
    Event,
    Judged,
    Promoted,
    Pruned,
    Published,
    Quarantined,
    Release,
    RollbackPoint,
    RolledBack,
    State,
    read_event,
)
from hubver.record.schema import RunRecord

AT = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
LATER = AT.replace(hour=13)
ONE, TWO = Release(sha="1" * 40, version="v1.0.0"), Release(sha="2" * 40)
POINT = RollbackPoint(tag="rollback/1-v1.0.0", release=ONE)
STATE = State(channels={"production": Channel(release=TWO, since=AT, rollback_points=(POINT,))}, quarantined=(ONE,))
MOVED = {"at": AT, "actor": "acme", "state": STATE, "channel": "production"}
EVENTS = [
    Published(at=AT, actor="acme", release=ONE, run_id="run-1", pull_request=3),
    Judged(at=AT, actor="acme", state=STATE, candidate=TWO, baseline=ONE, outcome="fail", gates_digest="d"),
    Promoted(**MOVED, release=TWO, previous=ONE, verdict="3" * 40, rollback_tag=POINT.tag),
    RolledBack(**MOVED, release=ONE, previous=TWO, rollback_tag=POINT.tag, reason="slow"),
    Adopted(**MOVED, release=ONE, previous=TWO, reason="it was me"),
    Quarantined(at=AT, actor="acme", state=STATE, release=ONE, lifted=True),
    Pruned(at=AT, actor="acme", state=STATE, refs={"refs/tags/v1.0.0-rc.1": "4" * 40}),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_is_read_as_it_is_written(event):
    again = read_event(event.to_bytes())
    assert again == event
    assert type(again) is type(event)
    assert again.to_bytes() == event.to_bytes()


TITLES = [
    "publish v1.0.0 (pull request #3)",
    "verdict fail for 22222222 (against v1.0.0)",
    "promote 22222222 → production (was v1.0.0)",
    "rollback 22222222 → v1.0.0: slow",
    "adopt v1.0.0 in production (the ledger said 22222222)",
    "lift quarantine of v1.0.0",
    "prune 1 ref",
]


@pytest.mark.parametrize(("event", "title"), list(zip(EVENTS, TITLES, strict=True)))
def test_titles_read_for_people(event, title):
    assert event.title == title


def test_an_event_of_a_later_hubver_keeps_what_is_not_known_yet():
    data = canonical_json(
        {"format": "hubver.event/1", "kind": "canary", "at": AT.isoformat(), "actor": "a", "share": 5}
    )
    event = read_event(data)
    assert type(event) is Event
    assert event.model_dump()["share"] == 5
    assert b'"share": 5' in event.to_bytes()


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"[]", b"{}", b'{"format": "x"}', b'{"format": 1}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_event(data):
    assert read_event(data) is None


@pytest.mark.parametrize("data", [b'{"format": "hubver.event/1"}', b'{"format": "hubver.event/2", "kind": "verdict"}'])
def test_an_event_that_cannot_be_read_is_not_passed_over(data):
    with pytest.raises(BadDocument, match="cannot read"):
        read_event(data)


def test_rolling_back_drops_what_lies_ahead():
    points = tuple(RollbackPoint(tag=f"rollback/{n}-x", release=Release(sha=str(n) * 40)) for n in (3, 2, 1))
    state = State(channels={"production": Channel(release=TWO, since=AT, rollback_points=points)})
    back = state.rolled_back("production", points[1].release, points[2:], LATER)
    assert back.channel("production") == Channel(release=points[1].release, since=LATER, rollback_points=points[2:])
    on = state.promoted("production", ONE, POINT, LATER)
    assert on.channel("production") == Channel(release=ONE, since=LATER, rollback_points=(POINT, *points))
    assert on.channel("staging") is None
    assert state.promoted("staging", ONE, None, LATER).channel("production") == state.channel("production")


def test_an_event_carries_so_many_points_and_no_more():
    state = State()
    for number in range(2 * MOST_ROLLBACK_POINTS):
        point = RollbackPoint(tag=f"rollback/{number}-x", release=ONE)
        state = state.promoted("production", TWO, point, AT)
    assert [point.tag for point in state.points("production")] == [
        f"rollback/{number}-x" for number in reversed(range(MOST_ROLLBACK_POINTS, 2 * MOST_ROLLBACK_POINTS))
    ]


def test_a_quarantine_is_kept_through_changes_until_it_is_lifted():
    state = State().quarantine(ONE).quarantine(ONE).promoted("production", TWO, None, AT)
    assert state.quarantined == (ONE,)
    assert state.is_quarantined(ONE.sha)
    assert not state.lift(ONE.sha).is_quarantined(ONE.sha)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "not a"),
        (b"{}", "not a"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"format": "hubver.run/2", "run_id": "x"}', "format"),
    ],
)
def test_a_broken_record_says_what_is_wrong(data, words):
    with pytest.raises(BadDocument, match=words):
        RunRecord.from_bytes(data)


def test_what_is_no_text_becomes_a_question_mark():
    assert canonical_json({"message": "caf\udce9"}) == b'{\n  "message": "caf?"\n}\n'


def test_what_json_cannot_say_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"loss": math.nan})
