"""What happened in a repository, newest first."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Change
from hubver.settings import Settings
from hubver.target import Target
from hubver.timeline.periods import SKEW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from hubver.hub.ledger import Entry


def events(
    repo_id: str,
    *,
    limit: int = 30,
    channel: str | None = None,
    kinds: Collection[str] = (),
    since: datetime | None = None,
    settings: Settings | None = None,
) -> tuple[list[Entry], bool]:
    """The newest entries of the ledger that are asked for.

    Without a filter that is one request; with one, at most twelve.

    Args:
        repo_id: `ORG/NAME`.
        limit: how many, 1 to 1000.
        channel: only what moved this channel.
        kinds: only events of these kinds; all if empty.
        since: only events that say no earlier time.
        settings: the user's own if None.

    Returns:
        The entries, newest first, and whether there are older ones that were asked for, too.

    Raises:
        NotFound, BadInput, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    Target.repo(repo_id)
    hub = Hub.of(settings or Settings.load(), repo_id)
    refs = hub.refs(repo_id)
    if channel is None and not kinds and since is None:
        found = ledger.entries(hub, repo_id, refs, page=min(limit + 1, ledger.WHOLE_PAGE))
    else:
        found = _wanted(ledger.search(hub, repo_id, refs, first=100), channel, kinds, since)
    told = list(islice(found, limit + 1))
    return told[:limit], len(told) > limit


def _wanted(
    found: Iterator[Entry], channel: str | None, kinds: Collection[str], since: datetime | None
) -> Iterator[Entry]:
    for entry in found:
        event = entry.event
        if event is None:
            # A commit that cannot be read is of no kind and no channel, and of no time that anybody knows.
            continue
        if since is not None and event.at < since - SKEW:
            return
        moved = channel is None or (isinstance(event, Change) and event.channel == channel)
        if moved and (not kinds or event.kind in kinds) and (since is None or event.at >= since):
            yield entry
