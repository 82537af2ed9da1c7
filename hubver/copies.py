"""Channels that live in a repository of their own: which commit of the models' repository runs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import NotFound, NotGated
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Promoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubver.hub.events import Source
    from hubver.hub.ledger import Entry
    from hubver.settings import Settings


def running(settings: Settings, repo_id: str) -> Source | None:
    """What runs in the channel that is acted on, by what it is a copy of; None where nothing runs there yet.

    A repository that may not be seen looks like one that is not there: a verdict that is given against nothing then does
    not count where something runs.

    Args:
        repo_id: the repository that it must be a copy of.

    Raises:
        NotGated: it is no copy that hubver made, or one of another repository.
    """
    where = settings.rules.repo or ""
    hub = Hub.of(settings)
    try:
        refs = hub.refs(where)
    except NotFound:
        return None
    now = refs.branches.get(settings.channel)
    if now is None:
        return None
    return checked(find(ledger.search(hub, where, refs), now), now, where=where, of_repo=repo_id)


def find(entries: Iterable[Entry], sha: str) -> Source | None:
    """What a commit is a copy of, as the ledger beside it says last; None if it says nothing of it.

    Args:
        entries: the ledger, newest first.
    """
    events = (entry.event for entry in entries if isinstance(entry.event, Promoted))
    return next((event.source for event in events if event.source and event.release.sha == sha), None)


def checked(found: Source | None, sha: str, *, where: str, of_repo: str) -> Source:
    """What a commit is a copy of, if that is of the right repository.

    Args:
        sha: the commit.
        where: the repository that it lies in.
        of_repo: the one that it must be a copy of.

    Raises:
        NotGated: it is no copy that hubver made, or one of another repository.
    """
    if found is None:
        raise NotGated(
            f"{sha[:8]} in {where} is no copy that hubver made, so there is nothing to compare a candidate with.",
            hint=f"See: hubver log {where}",
        )
    if found.repo_id != of_repo:
        raise NotGated(f"{where} holds copies of {found.repo_id}, not of {of_repo}.", hint=f"See: hubver log {where}")
    return found
