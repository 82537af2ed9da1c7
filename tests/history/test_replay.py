from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledgers import BEGIN, Book, release

from hubver.errors import BadDocument
from hubver.hub import ledger
from hubver.hub.events import MOST_ROLLBACK_POINTS, Channel, Event, Release, RollbackPoint, State
from hubver.hub.ledger import Entry
from hubver.hub.replay import Kind, replay
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.release import promote, quarantine, rollback


def kinds(told) -> list[tuple[str, Kind]]:
    return [(one.sha, one.kind) for one in told.contradictions]


def a_busy_book() -> Book:
    """Two channels, rollbacks further than an event carries points, a quarantine that is lifted."""
    book = Book()
    for number in range(1, MOST_ROLLBACK_POINTS + 5):
        book.publish(number)
        book.promote(number, "staging")
        book.promote(number)
    book.rollback(3)
    book.quarantine(2)
    book.rollback(MOST_ROLLBACK_POINTS - 3)
    book.quarantine(2, lift=True)
    book.promote(40)
    book.rollback()
    book.promote(41)
    return book


def test_a_ledger_by_the_rules_holds_together():
    book = a_busy_book()
    told = replay(book.entries)
    assert told.contradictions == []
    assert told.state == book.state
    assert [str(one.release) for one in told.positions["staging"]] == [f"v1.{number}.0" for number in range(1, 15)]
    moved = [str(one.release) for one in told.positions["production"]]
    assert moved[-5:] == ["v1.11.0", "v1.4.0", "v1.40.0", "v1.4.0", "v1.41.0"]


def test_a_ledger_without_its_beginning_holds_together():
    book = a_busy_book()
    for begin in range(len(book.entries)):
        assert replay(book.entries[begin:], whole=False).contradictions == []


def test_what_the_verbs_write_holds_together(repo):
    shas = []
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0"):
        shas.append(repo.version(tag))
        repo.judge(shas[-1])
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
    rollback(repo.repo_id, quarantine=True, settings=repo.settings)
    quarantine(f"{repo.repo_id}@v1.3.0", lift=True, settings=repo.settings)
    promote(f"{repo.repo_id}@v1.3.0", override="it was the network", settings=repo.settings)
    # By other means: to where the ledger knew it, to where it never was, and away.
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", shas[3], shas[1])])
    rollback(repo.repo_id, settings=repo.settings)
    other = repo.commit("strange")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", shas[0], other)])
    rollback(repo.repo_id, settings=repo.settings)
    told = replay(reversed(list(ledger.entries(repo.hub, repo.repo_id, repo.refs()))))
    assert [one.kind for one in told.contradictions] == [Kind.MOVED, Kind.MOVED]
    assert told.tampering == []
    assert [one.release.sha for one in told.positions["production"]] == [
        *shas, shas[2], shas[3], shas[0], shas[0]
    ]  # fmt: skip


def test_an_adopted_position_is_followed():
    book = Book()
    book.promote(1)
    book.promote(2)
    book.adopt(9)
    book.rollback()
    told = replay(book.entries)
    assert told.contradictions == []
    assert [str(one.release) for one in told.positions["production"]] == ["v1.1.0", "v1.2.0", "v1.9.0", "v1.1.0"]


def test_an_adopted_position_on_the_way_back_leads_on_from_there():
    book = Book()
    for number in range(1, MOST_ROLLBACK_POINTS + 5):
        book.promote(number)
    known = book.state
    book.adopt(10)
    # As after a move by other means to where the ledger knew it once: with all the points that it had then.
    points = known.points("production")[5:]
    further = (*points[1:], RollbackPoint(tag="rollback/4-v1.3.0", release=release(3)))
    state = book.state.rolled_back("production", points[0].release, further, book.now + timedelta(hours=1))
    book.rollback(2, state=state, release=points[0].release, rollback_tag=points[0].tag)
    book.promote(40)
    assert replay(book.entries).contradictions == []


def forged(book: Book, position: int, **changes) -> list[Entry]:
    """The ledger with one event that says something else."""
    entries = list(book.entries)
    event = entries[position].event
    assert event is not None
    entries[position] = replace(entries[position], event=event.model_copy(update=changes))
    return entries


def elsewhere(state: State, number: int) -> State:
    now = state.channels["production"]
    return state.model_copy(
        update={"channels": {**state.channels, "production": now.model_copy(update={"release": release(number)})}}
    )


def small_book() -> Book:
    book = Book()
    book.promote(1)  # 0, 1: the verdict, and the promotion
    book.promote(2)  # 2, 3
    book.publish(3)  # 4
    book.rollback()  # 5
    book.quarantine(2)  # 6
    return book


SMALL = small_book()


@pytest.mark.parametrize(
    ("position", "changes"),
    [
        pytest.param(3, {"state": elsewhere(SMALL.entries[3].event.state, 7)}, id="a promotion elsewhere"),
        pytest.param(4, {"state": State()}, id="a publication that forgets"),
        pytest.param(4, {"state": SMALL.entries[1].event.state}, id="a publication that goes back"),
        pytest.param(5, {"state": SMALL.entries[3].event.state}, id="a rollback that moves nothing"),
        pytest.param(5, {"release": release(2)}, id="a rollback to what the point does not keep"),
        pytest.param(5, {"rollback_tag": "rollback/99-v1.9.0"}, id="a rollback to a point that nobody made"),
        pytest.param(6, {"state": SMALL.entries[5].event.state}, id="a quarantine of nothing"),
        pytest.param(5, {"quarantined": True}, id="a rollback that says it quarantined"),
        pytest.param(3, {"rollback_tag": None}, id="a promotion that made no point"),
        pytest.param(1, {"at": BEGIN}, id="a promotion at another time"),
    ],
)
def test_a_state_that_no_rule_leads_to_is_tampering(position, changes):
    told = replay(forged(SMALL, position, **changes))
    found = {sha for sha, kind in kinds(told) if kind is Kind.STATE}
    assert min(found) == SMALL.entries[position].sha  # what comes after may be found to follow no more, either
    assert told.tampering
    assert all(one.expected != one.found for one in told.tampering)


def test_points_that_were_slipped_in_are_tampering():
    now = SMALL.entries[5].event.state.channels["production"]
    slipped = (RollbackPoint(tag="rollback/7-v1.7.0", release=release(7)),)
    channel = Channel(release=now.release, since=now.since, rollback_points=slipped)
    (one,) = replay(forged(SMALL, 5, state=State(channels={"production": channel}))[:6]).contradictions
    assert one.kind is Kind.STATE
    assert "rollback/7-v1.7.0" in one.found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "f" * 40}, "no event before it gave"),
        ({"verdict": SMALL.entries[0].sha}, "on something else"),
    ],
)
def test_a_promotion_by_a_verdict_that_does_not_bind(changes, words):
    (one,) = replay(forged(SMALL, 3, **changes)).contradictions
    assert one.kind is Kind.VERDICT
    assert words in one.fact


@pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
def test_a_promotion_by_what_is_no_pass(outcome):
    (one,) = replay(forged(SMALL, 2, outcome=outcome)).contradictions
    assert (one.sha, one.kind) == (SMALL.entries[3].sha, Kind.VERDICT)
    assert one.found == outcome
    entries = forged(SMALL, 2, outcome=outcome)
    entries[3] = forged(SMALL, 3, override="we know")[3]
    assert replay(entries).contradictions == []


def test_a_channel_without_gates_names_no_verdict():
    assert replay(forged(SMALL, 3, verdict=None)).contradictions == []


def test_what_was_quarantined_does_not_come_back():
    book = Book()
    book.promote(1)
    book.promote(2)
    book.quarantine(1)
    book.rollback()
    assert kinds(replay(book.entries)) == [(book.entries[-1].sha, Kind.QUARANTINE)]


def test_a_move_by_other_means_is_no_tampering():
    told = replay(forged(SMALL, 5, previous=Release(sha="e" * 40)))
    assert kinds(told) == [(SMALL.entries[5].sha, Kind.MOVED)]
    assert told.tampering == []


def test_strangers_and_events_of_the_future_are_told_and_passed_over():
    book = small_book()
    stranger = Entry("e" * 40, "hello", None)
    unreadable = Entry("f" * 40, "promote", None, BadDocument("It cannot be read."))
    future = Entry("d" * 40, "canary", Event(kind="canary", at=BEGIN, actor="acme", state=elsewhere(book.state, 8)))
    told = replay([*book.entries[:2], stranger, unreadable, *book.entries[2:], future])
    assert kinds(told) == [
        (stranger.sha, Kind.STRANGER),
        (unreadable.sha, Kind.UNREADABLE),
        (future.sha, Kind.UNREADABLE),  # it moved a channel by rules that are not known here
    ]
    assert told.tampering == []
    assert str(told.positions["production"][-1].release) == "v1.8.0"


def test_an_empty_ledger_says_nothing():
    told = replay([])
    assert (told.positions, told.contradictions, told.state) == ({}, [], State())
