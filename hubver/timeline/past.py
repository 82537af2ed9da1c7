"""`history`: what was in a channel, then or ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.hub.client import Hub
from hubver.settings import Settings
from hubver.target import Target
from hubver.timeline import periods
from hubver.timeline.pages import Pages

if TYPE_CHECKING:
    from hubver.timeline.periods import Period


@dataclass(frozen=True)
class History:
    """What was in a channel.

    Attributes:
        channel: its branch.
        at: the time that was asked about, in UTC; None if none was.
        periods: newest first; of a time that was asked about, the one period that it was in, or none.
        more: whether there are older ones than were asked for.
        note: what to know about the answer.
    """

    repo_id: str
    channel: str
    at: datetime | None
    periods: tuple[Period, ...]
    more: bool = False
    note: str | None = None


def history(
    repo_id: str,
    *,
    at: datetime | None = None,
    channel: str | None = None,
    limit: int = 20,
    settings: Settings | None = None,
    now: datetime | None = None,
) -> History:
    """What was in a channel at a time, or its newest periods: each with when, how long and by which event.

    The ledger's order is the truth, and times are by the clocks of those who acted. So what was in a channel at a time is
    what the last event in that order left there that says no later time; clocks may be up to a day apart for it to be
    found. It takes a number of requests that grows with the logarithm of the ledger's length.

    Args:
        repo_id: `ORG/NAME`.
        at: a time; without a zone, by the clock of this machine.
        channel: its branch; production if None. One that is in the settings no more has a history all the same.
        limit: how many periods, without `at`.
        settings: the user's own if None.
        now: the time, which `at` must not be after; the clock's if None.

    Raises:
        BadInput: the time has not come yet.
        BadDocument: what decides the answer cannot be read.
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    channel = channel or settings.production
    Target.repo(repo_id)
    when = at.astimezone(timezone.utc) if at is not None else None
    now = now or datetime.now(timezone.utc)
    if when is not None and when > now:
        raise BadInput(
            f"{when:%Y-%m-%d %H:%M} UTC has not come yet, so nobody knows what is in {channel} then.",
            found=f"it is {now.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC",
        )
    hub = Hub.of(settings, repo_id)
    pages = Pages.of(hub, repo_id, hub.refs(repo_id))
    if when is not None:
        found, ahead = periods.at(pages, channel, when)
        return History(repo_id, channel, when, (found,) if found else (), note=_note(ahead))
    newest = pages.entry(0)
    if newest is not None and newest.unreadable is not None:
        raise newest.unreadable
    told = tuple(islice(periods.newest_first(pages, channel), limit + 1))
    return History(repo_id, channel, None, told[:limit], more=len(told) > limit)


def _note(ahead: int) -> str | None:
    if not ahead:
        return None
    return (
        f"Clocks disagree about then: {ahead} earlier event{'s' * (ahead != 1)} of the ledger "
        f"{'say' if ahead != 1 else 'says'} a later time. The ledger's order decides."
    )
