"""What was in a channel, from when to when.

Each event states where every channel is after it, so a period is a run of events that say the same of one channel; where
it begins and ends is found by halving, whatever lies between. The order of the ledger is the truth: times are those of
the clocks of whoever acted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hubver.hub.events import Change
from hubver.timeline.pages import first
from hubver.timeline.told import Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hubver.hub.events import Release
    from hubver.timeline.pages import Pages

# How far two clocks may be apart, for all that is asked for by time to be found.
SKEW = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A release in a channel.

    Attributes:
        since: when it came there.
        until: when something else came; None if it is there still.
        by: the event that brought it.
        astray: what the event that ended it found there instead, where somebody had moved the channel by other means.
    """

    release: Release
    since: datetime
    until: datetime | None
    by: Told
    astray: Release | None


def newest_first(pages: Pages, channel: str) -> Iterator[Period]:
    """All periods of a channel."""
    index = 0
    while (end := _span(pages, channel, index)) is not None:
        yield _period(pages, channel, index, end)
        index = end


def at(pages: Pages, channel: str, when: datetime) -> tuple[Period | None, int]:
    """What was in a channel at a time: after the last event, in the order of the ledger, that says no later time.

    Returns:
        The period, None where nothing was there yet; and how many events before that last one say a later time, because
        the clocks of those who acted were apart.

    Raises:
        BadDocument: the event that follows that last one cannot be read.
    """
    index, ahead = _last_until(pages, when)
    if index is None or (end := _span(pages, channel, index)) is None:
        return None, ahead
    there = _position(pages, channel, index)
    newer = first(lambda steps: steps > index or _position(pages, channel, index - steps) != there)
    return _period(pages, channel, index - newer + 1, end), ahead


def _last_until(pages: Pages, when: datetime) -> tuple[int | None, int]:
    """The index of the newest event that is not from after a time, and how many before it say that they are."""

    def event_time(number: int | None) -> datetime | None:
        entry = pages.entry(number) if number is not None else None
        return entry.event.at if entry is not None and entry.event is not None else None

    def early(number: int) -> bool:
        time = event_time(pages.at_or_before(number))
        return time is None or time <= when + SKEW

    # What is newer than this is from after that time, even if clocks are apart.
    index = pages.at_or_before(first(early))
    while (time := event_time(index)) is not None and time > when:
        index = pages.at_or_before((index or 0) + 1)
    if index is None:
        return None, 0
    _check_readable(pages, index)
    ahead, older = 0, pages.at_or_before(index + 1)
    while (time := event_time(older)) is not None and time > when - SKEW:
        ahead += time > when
        older = pages.at_or_before((older or 0) + 1)
    return index, ahead


def _check_readable(pages: Pages, index: int) -> None:
    """Pass over nothing that could be an event between this one and the next."""
    while index and (newer := pages.entry(index - 1)) is not None and newer.event is None:
        if newer.unreadable is not None:
            raise newer.unreadable
        index -= 1


def _span(pages: Pages, channel: str, index: int) -> int | None:
    """The index of the first entry before the period that an entry is in; None where nothing was in the channel then."""
    there = _position(pages, channel, index)
    return None if there is None else first(lambda number: _position(pages, channel, number) != there, index)


def _period(pages: Pages, channel: str, begin: int, end: int) -> Period:
    """The period that the entries from `begin` to before `end` are in. Both borders are events, or the ledger's."""
    brought, ended = pages.entry(end - 1), pages.entry(begin - 1) if begin else None
    if brought is None or brought.event is None:
        raise AssertionError("unreachable: a period begins with an event")
    there = brought.event.state.channels[channel]
    after = ended.event if ended else None
    astray = None
    if isinstance(after, Change) and after.channel == channel and after.previous is not None:
        astray = after.previous if after.previous.sha != there.release.sha else None
    told = Told.of(brought.sha, brought.event)
    return Period(there.release, there.since, after.at if after else None, told, astray)


def _position(pages: Pages, channel: str, index: int) -> tuple[str, datetime] | None:
    """Where a channel is after the newest event from an index on: the commit, and since when."""
    found = pages.at_or_before(index)
    entry = pages.entry(found) if found is not None else None
    there = entry.event.state.channel(channel) if entry is not None and entry.event is not None else None
    return (there.release.sha, there.since) if there is not None else None
