"""Promote and roll back as jobs do, which GitHub may run again: a repeated job finds what it did before, and says so.

Attempts of one run share its address, which every event of the ledger names: by that a job knows its own.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from hubver import copies, release
from hubver.errors import HubFailed, HubverError, InDoubt
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Change, Promoted, Release, RolledBack, Source
from hubver.pins import resolve
from hubver.release.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.release import Promotion, Rollback
    from hubver.settings import Settings

_C = TypeVar("_C", bound=Change)
# Some two minutes in all: what was promoted must not go without its smoke test because the Hub was busy.
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


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

    Where the Hub fails once the change is on its way, it is asked again for some time: the channel may have moved, and only
    the answer been lost.

    Args:
        text, to, override, settings, progress: as for `hubver.release.promote`.

    Raises:
        InDoubt: whether the channel has moved is not known.
        HubverError: see `hubver.release.promote`. Then this run has not moved it.
    """
    attempt = partial(release.promote, text, to=to, override=override, settings=settings, progress=progress)
    try:
        done = attempt()
    except HubFailed as error:
        done = _made_all_the_same(attempt, text, settings.on_channel(to), progress, error)
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


def _made_all_the_same(
    attempt: Callable[[], Promotion], text: str, settings: Settings, progress: Callable[[str], None], failed: HubFailed
) -> Promotion:
    """What a promotion came to whose answer was lost.

    Args:
        attempt: the promotion, which finds what was made.
        settings: of its channel.
        failed: what came in the place of an answer.

    Raises:
        HubFailed: it was not made.
        InDoubt: nobody can tell.
    """
    for pause in _PAUSES_S if failed.sent else (0.0,):
        if pause:
            progress(f"looking in {pause:g} s whether it was promoted all the same: {failed.fact}")
            time.sleep(pause)
        try:
            made = _is_made(text, settings)
        except HubverError:
            continue
        if not made:
            raise failed
        with suppress(HubFailed):
            return attempt()
    raise InDoubt(
        f"The Hub failed, and whether {text} was promoted is not known: {failed.fact}",
        found=failed.found,
        hint="Run the failed jobs again when the Hub answers: a promotion that was made is found then, and tested.",
    ) from failed


def _is_made(text: str, settings: Settings) -> bool:
    """Whether the newest change of the channel is this run's, to this revision."""
    wanted = resolve(text, settings=settings)
    own = _own(_last(settings, settings.rules.repo or wanted.repo_id, settings.channel), Promoted, settings)
    return own is not None and wanted.sha in (own.release.sha, own.source.sha if own.source else None)


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
