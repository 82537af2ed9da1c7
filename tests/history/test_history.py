from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import BEGIN, Book, release, write

from hubver.errors import BadDocument, BadInput
from hubver.hub import ledger
from hubver.hub.contents import Upload
from hubver.hub.ledger import Entry
from hubver.hub.replay import replay
from hubver.timeline import periods
from hubver.timeline.dates import parse
from hubver.timeline.pages import PAGE, Pages, first
from hubver.timeline.past import history

HOUR = timedelta(hours=1)


class Shelf:
    """A ledger that is read by pages, with a count of them."""

    def __init__(self, entries: list[Entry]) -> None:
        self.newest_first = entries[::-1]
        self.read = 0

    def pages(self) -> Pages:
        return Pages(self._page)

    def _page(self, number: int) -> tuple[list[Entry], bool]:
        self.read += 1
        page = self.newest_first[number * PAGE : (number + 1) * PAGE]
        return page, len(page) < PAGE


@given(st.lists(st.booleans(), min_size=0, max_size=3000), st.integers(0, 50))
def test_first_is_the_first(noise, low):
    border = low + len(noise)
    assert first(lambda index: index >= border, low) == border
    assert first(lambda index: index >= border, low, border + 7) == border


def long_book(events: int, every: int) -> Book:
    """A ledger with a promotion after every so many publications."""
    book = Book()
    number = 0
    while len(book.entries) < events:
        number += 1
        for _ in range(every):
            book.publish(number)
        book.promote(number)
    return book


@pytest.mark.parametrize("every", [0, 3, 150])
def test_the_periods_are_those_that_a_replay_finds(every):
    book = long_book(700, every)
    book.rollback(2)
    book.promote(99, "staging")
    book.quarantine(7)
    for channel in ("production", "staging"):
        found = list(periods.newest_first(Shelf(book.entries).pages(), channel))
        told = replay(book.entries).positions[channel][::-1]
        assert [(one.release, one.since, one.by.sha) for one in found] == [
            (one.release, one.at, one.sha) for one in told
        ]
        assert [one.until for one in found] == [None, *(one.since for one in found[:-1])]
    assert list(periods.newest_first(Shelf(book.entries).pages(), "canary")) == []


@pytest.mark.parametrize("every", [0, 3, 150])
def test_at_any_time_is_what_the_last_event_until_then_left(every):
    book = long_book(700, every)
    pages = Shelf(book.entries).pages()
    for hours in (*range(-1, 12), 350, 351, *range(690, 705), 2000):
        when = BEGIN + hours * HOUR
        before = [entry.event for entry in book.entries if entry.event.at <= when]
        expected = before[-1].state.channel("production") if before else None
        found, ahead = periods.at(pages, "production", when)
        assert (found and (found.release, found.since)) == (expected and (expected.release, expected.since))
        assert ahead == 0


def test_far_back_is_found_in_few_requests():
    shelf = Shelf(long_book(20_000, 40).entries)
    counts = []
    for hours in (0, 100, 10_000, 19_000):
        shelf.read = 0
        periods.at(shelf.pages(), "production", BEGIN + hours * HOUR)
        counts.append(shelf.read)
    assert max(counts) <= 15
    shelf.read = 0
    list(islice(periods.newest_first(shelf.pages(), "production"), 20))
    assert shelf.read <= 20 * 42 // PAGE + 3


def skewed(*hours: int) -> list[Entry]:
    """A ledger of promotions, one for each time that an actor's clock told."""
    book = Book()
    for number, hour in enumerate(hours, start=1):
        book.hours = hour - 2  # a verdict an hour before
        book.promote(number)
    return book.entries


@pytest.mark.parametrize(
    ("hours", "when", "expected", "ahead"),
    [
        pytest.param((2, 10, 6, 12), 7, 3, 2, id="a clock that is behind: its event came after all the same"),
        pytest.param((2, 10, 6, 12), 5, 2, 2, id="the verdict of that one"),
        pytest.param((2, 10, 6, 12), 3, 1, 0, id="before either"),
        pytest.param((2, 10, 6, 12), 11, 3, 0, id="after both"),
        pytest.param((2, 20, 6, 8), 9, 4, 2, id="a clock that is ahead holds nothing up"),
        pytest.param((2, 20, 6, 8), 21, 4, 0, id="until it is caught up with"),
        pytest.param((10, 8, 6, 4), 4, 4, 6, id="all the wrong way round: the last one counts"),
        pytest.param((10, 8, 6, 4), 3, 3, 6, id="the verdict before that one"),
        pytest.param((10, 8, 6, 4), 2, None, 0, id="before all of them"),
    ],
)
def test_clocks_that_are_apart(hours, when, expected, ahead):
    found, told = periods.at(Shelf(skewed(*hours)).pages(), "production", BEGIN + when * HOUR)
    assert found == expected or found.release == release(expected)
    assert told == ahead


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-8, 8)), max_size=400), st.integers(-20, 900))
def test_with_clocks_up_to_a_day_apart_the_ledger_s_order_decides(steps, when):
    book = Book()
    clock = 0
    for number, (hours, skew) in enumerate(steps):
        clock += hours
        book.hours = clock + skew
        book.publish(number) if number % 3 else book.promote(number)
    time = BEGIN + when * HOUR
    before = [entry.event for entry in book.entries if entry.event.at <= time]
    expected = before[-1].state.channel("production") if before else None
    found, _ = periods.at(Shelf(book.entries).pages(), "production", time)
    assert (found and (found.release, found.since)) == (expected and (expected.release, expected.since))


def test_strangers_are_passed_over_and_what_cannot_be_read_is_not():
    book = long_book(300, 3)
    hello = [Entry(f"{number:040x}", "hello", None) for number in range(150)]
    entries = [*book.entries[:100], *hello, *book.entries[100:]]
    when = book.entries[99].event.at
    clean, _ = periods.at(Shelf(book.entries).pages(), "production", when)
    assert periods.at(Shelf(entries).pages(), "production", when) == (clean, 0)
    assert list(periods.newest_first(Shelf(entries).pages(), "production")) == list(
        periods.newest_first(Shelf(book.entries).pages(), "production")
    )
    entries[170] = replace(hello[0], unreadable=BadDocument("It cannot be read."))
    with pytest.raises(BadDocument):
        periods.at(Shelf(entries).pages(), "production", when)
    assert periods.at(Shelf(entries).pages(), "production", when - HOUR)[0] is not None


def test_where_it_was_moved_by_other_means_in_between_is_told():
    book = Book()
    book.promote(1)
    book.promote(2, previous=release(9))
    _, first_one = periods.newest_first(Shelf(book.entries).pages(), "production")
    assert first_one.astray == release(9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T12:00Z", datetime(2026, 11, 1, 12, tzinfo=timezone.utc)),
        ("2026-11-01t12:00:30.5z", None),
        ("2026-11-01 12:00:30.500 +0200", datetime(2026, 11, 1, 10, 0, 30, 500_000, timezone.utc)),
        ("2026-11-01T12:00-05:30", datetime(2026, 11, 1, 17, 30, tzinfo=timezone.utc)),
        (" 2026-11-01 ", datetime(2026, 11, 1).astimezone()),  # local time is what is meant
        ("2026-11-01 12:00", datetime(2026, 11, 1, 12).astimezone()),
        ("2026-02-30", None),
        ("2026-11-01T24:00Z", None),
        ("2026-11-01T12:00+99:00", None),
        ("yesterday", None),
        ("1762000000", None),
        ("2026-11-01Z", None),
        ("20261101", None),
        ("٢٠٢٦-11-01", None),
        ("", None),
        ("0001-01-01", None),
        ("9999-12-31T23:59-23:59", None),
    ],
)
def test_dates(text, expected):
    if expected is not None:
        assert parse(text) == expected
        assert parse(text).tzinfo is not None
        return
    with pytest.raises(BadInput, match="is no date"):
        parse(text)


def test_what_was_in_production_then(repo, asked, hubver):
    assert "Nothing has been in production of acme/router yet" in hubver("history", "acme/router")
    book = long_book(300, 6)
    shas = write(repo, book)
    (at,) = [entry.event.at for entry in book.entries if entry.title.startswith("promote v1.20.0")]
    asked()
    found = history(repo.repo_id, at=at + 3 * HOUR, settings=repo.settings, now=book.now)
    assert len(asked()) <= 6
    (period,) = found.periods
    assert (period.release, period.since, period.until) == (release(20), at, at + 8 * HOUR)
    assert period.by.sha in shas
    assert (found.more, found.note) == (False, None)
    text = (at + 3 * HOUR).strftime("%Y-%m-%dT%H:%MZ")
    told = hubver("history", "acme/router", "--at", text).splitlines()
    assert told[0].startswith("v1.20.0 was in production then (")
    assert "8 hours" in told[1]
    assert told[2].startswith("    promote v1.20.0 → production (was v1.19.0), by acme [")
    told = json.loads(hubver("history", "acme/router", "--at", text, "--json"))
    assert told["at"] == (at + 3 * HOUR).replace(minute=0).isoformat()
    assert told["periods"][0]["release"]["version"] == "v1.20.0"
    early = hubver("history", "acme/router", "--at", "2026-10-31T12:00Z")
    assert early.startswith("Nothing was in production then (2026-")
    listed = json.loads(hubver("history", "acme/router", "-n", "3", "--json"))
    assert (len(listed["periods"]), listed["more"], listed["at"]) == (3, True, None)
    assert "yesterday' is no date" in hubver("history", "acme/router", "--at", "yesterday", code=2)
    assert "has not come yet" in hubver("history", "acme/router", "--at", "2999-01-01", code=2)
    assert "about the whole repository" in hubver("history", "acme/router@v1.0.0", code=2)


def test_a_stranger_s_commit_like_a_branch_s_first_hides_nothing(repo):
    book = long_book(120, 3)
    write(repo, book)
    upload = Upload("x", b"x", sha256(b"x").hexdigest())
    head = repo.refs().branches["ledger"]
    repo.hub.commit(repo.repo_id, [upload], title="initial commit", description="", parent=head, branch="ledger")
    later = Book(state=book.state, hours=book.hours)
    later.publish(50)
    write(repo, later)
    told = list(ledger.search(repo.hub, repo.repo_id, repo.refs()))
    assert len(told) == len(book.entries) + 1
    found = history(repo.repo_id, limit=100, settings=repo.settings)
    assert found.periods[-1].release == release(1)
    assert not found.more
