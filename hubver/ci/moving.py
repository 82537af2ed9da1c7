"""Promote and roll back as jobs do, which GitHub may run again: a repeated job finds what it did before, and says so.

Attempts of one run share its address, which every event of the ledger names: by that a job knows its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hubver import copies, release
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Change, Promoted, Release, RolledBack, Source
from hubver.release.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.release import Promotion, Rollback
    from hubver.settings import Settings

_C = TypeVar("_C", bound=Change)


@dataclass(frozen=True)
class Promoting:
    """A promotion, as a run sees it.

    Attributes:
        done: what the verb came to.
        ours: whether this run moved the channel, now or in a former attempt.
        previous: what it replaced, then or now.
        rollback_tag: on what it replaced.
    """

    done: Promotion
    ours: bool
    previous: Release | None
    rollback_tag: str | None


@dataclass(frozen=True)
class GoingBack:
    """A rollback, as a run sees it.

    Attributes:
        done: what the verb came to.
        ours: whether this run moved the channel, now or in a former attempt.
        left: where what it left was pushed to, and as which commit.
    """

    done: Rollback
    ours: bool
    left: Source


def promote(
    text: str, *, to: str | None, override: str | None, settings: Settings, progress: Callable[[str], None]
) -> Promoting:
    """Promote, or find that this run did so before.

    Args:
        text, to, override, settings, progress: as for `hubver.release.promote`.

    Raises:
        HubverError: see `hubver.release.promote`.
    """
    done = release.promote(text, to=to, override=override, settings=settings, progress=progress)
    if not done.already:
        return Promoting(done, ours=True, previous=done.previous, rollback_tag=done.rollback_tag)
    before = _own(_last(settings, done.repo_id, done.channel), Promoted, settings)
    if before is None or before.release.sha != done.release.sha:
        return Promoting(done, ours=False, previous=None, rollback_tag=None)
    return Promoting(done, ours=True, previous=before.previous, rollback_tag=before.rollback_tag)


def rollback(
    repo_id: str,
    *,
    leaving: str | None,
    to: str | None,
    channel: str | None,
    quarantine: bool,
    reason: str | None,
    settings: Settings,
    progress: Callable[[str], None],
) -> GoingBack:
    """Roll back, or find that this run did so before: twice would go further back.

    Args:
        repo_id: where runs are pushed to, also where the channel lives in a repository of its own.
        leaving, to, channel, quarantine, reason, settings, progress: as for `hubver.release.rollback`.

    Raises:
        HubverError: see `hubver.release.rollback`.
    """
    settings = settings.on_channel(channel)
    where = settings.rules.repo or repo_id
    if leaving is None and to is None and settings.run_url is not None:
        before = _own(_last(settings, where, settings.channel), RolledBack, settings)
        leaving = before.previous.sha if before is not None and before.previous is not None else None
    done = release.rollback(
        where,
        channel=channel,
        to=to,
        leaving=leaving,
        quarantine=quarantine,
        reason=reason,
        settings=settings,
        progress=progress,
    )
    ours = not done.already or _own(_last(settings, where, done.channel), RolledBack, settings) is not None
    pushed = Source(repo_id=where, sha=done.previous.sha)
    return GoingBack(done, ours, pushed if where == repo_id else _copied(settings, pushed) or pushed)


def _copied(settings: Settings, copy: Source) -> Source | None:
    hub = Hub.of(settings, copy.repo_id)
    return copies.find(ledger.search(hub, copy.repo_id, hub.refs(copy.repo_id)), copy.sha)


def _last(settings: Settings, repo_id: str, channel: str) -> Change | None:
    hub = Hub.of(settings, repo_id)
    return Standing(hub, repo_id, hub.refs(repo_id)).last_change(channel)


def _own(change: Change | None, kind: type[_C], settings: Settings) -> _C | None:
    """A change, if it is of a kind and this run made it."""
    ours = isinstance(change, kind) and settings.run_url is not None and change.run_url == settings.run_url
    return change if ours and isinstance(change, kind) else None
