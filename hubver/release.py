"""Production: what it is, moved forward by a verdict and back by a rollback.

Each change is one git push that moves `production` from the commit that was read, creates the tags and appends to the
ledger: together, or not at all, and at the same cost for a model of any size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import BadInput, HubFailed, HubverError, NotFound, NotGated
from hubver.hub import ledger, pulls, verdicts
from hubver.hub.client import Hub
from hubver.hub.events import Promoted, Release, RollbackPoint, RolledBack, State
from hubver.hub.refs import Move, move
from hubver.pins import find_sha, version_of
from hubver.record.secrets import redact
from hubver.settings import Settings
from hubver.target import Target
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubver.hub.contents import Refs

_ROLLBACK_TAG = re.compile(r"rollback/(\d+)-.+")


@dataclass(frozen=True)
class Promotion:
    """A candidate in production.

    Attributes:
        previous: what it replaced; None for the first release.
        rollback_tag: the tag on what it replaced.
        tag: the final version's tag, where the candidate was a pull request's `-rc.N`.
        pull_request: the pull request it came from.
        merged: whether that was merged into `main` now; if that failed, `note` says why.
        already: whether it was in production before, so that nothing was done.
    """

    repo_id: str
    release: Release
    previous: Release | None
    rollback_tag: str | None
    tag: str | None = None
    pull_request: int | None = None
    merged: bool = False
    already: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Rollback:
    """Production back at a rollback point.

    Attributes:
        previous: what it left.
        already: whether it was back there before, so that nothing was done.
    """

    repo_id: str
    release: Release
    previous: Release
    rollback_tag: str
    already: bool = False


def promote(
    text: str,
    *,
    override: str | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Promotion:
    """Move production to a candidate that has a passing verdict against the production it replaces.

    A candidate from a pull request is promoted as the commit that was judged, gets its final version tag in the same
    push, and is merged into `main` afterwards; the merge makes another commit, which production never points to.

    Args:
        text: `ORG/NAME@REVISION`.
        override: promote without a verdict, for this reason, which the ledger keeps.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        NotGated: no verdict binds this commit to what is in production now.
        GateFailed: the verdict is not a pass.
        StaleRef: production or the ledger moved in between; nothing was changed.
        NotFound, BadInput, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    if override is not None and not override.strip():
        raise BadInput("An override needs a reason, which the ledger keeps.", hint="Give one: --override REASON")
    target = Target.parse(text, need_revision=True)
    repo_id, revision = target.repo_id, target.revision or ""
    tell = progress or (lambda _line: None)
    hub = Hub.of(settings)
    hub.need_token()
    refs = hub.refs(repo_id)
    sha = find_sha(hub, repo_id, revision, refs, production=settings.production)
    now = refs.branches.get(settings.production)
    previous = Release(sha=now, version=version_of(refs, now)) if now else None
    release, final_tag = _as_release(refs, sha)
    number = pulls.with_head(refs, sha)
    if now == sha:
        # The push before may have been its process's last act.
        merged, note = _merge(hub, repo_id, release, number, tell)
        return Promotion(repo_id, release, previous, None, None, number, merged=merged, already=True, note=note)
    state, event = ledger.standing(hub, repo_id, refs, now)
    line = None
    if not isinstance(event, Promoted) or event.release.sha != sha:
        verdict = verdicts.binding(hub, repo_id, refs, revision, release=release, previous=previous, override=override)
        point = RollbackPoint(tag=_next_rollback_tag(refs, previous), release=previous) if previous else None
        event = Promoted(
            at=datetime.now(timezone.utc),
            actor=settings.actor or hub.whoami(),
            run_url=settings.run_url,
            state=state.promoted(release, point),
            release=release,
            previous=previous,
            verdict=verdict,
            rollback_tag=point.tag if point else None,
            pull_request=number,
            override=_said(override),
        )
        line = ledger.addition(refs, event)
    tell(f"moving {settings.production} to {release}")
    tags = {event.rollback_tag: now, final_tag: sha}
    _carry_out(hub, repo_id, refs, line, tags=tags, production=Move(f"refs/heads/{settings.production}", now, sha))
    merged, note = _merge(hub, repo_id, release, number, tell)
    return Promotion(repo_id, release, previous, event.rollback_tag, final_tag, number, merged=merged, note=note)


def rollback(
    repo_id: str, *, to: str | None = None, reason: str | None = None, settings: Settings | None = None
) -> Rollback:
    """Move production back to a rollback point: the newest, or the one named.

    Rolling back twice goes further back, unless the point is named: then it is safe to repeat. Forward again is a
    promotion.

    Args:
        to: a rollback tag, or the version or sha that one keeps.
        reason: kept in the ledger.
        settings: the user's own if None.

    Raises:
        BadInput: there is no such rollback point, or none at all.
        StaleRef: production or the ledger moved in between; nothing was changed.
        HubUnreachable, HubFailed: it may have been done all the same; the hint is the command that is safe to repeat.
    """
    settings = settings or Settings.load()
    hub = Hub.of(settings)
    hub.need_token()
    refs = hub.refs(repo_id)
    now = refs.branches.get(settings.production)
    if now is None:
        raise NotFound(f"Nothing is in production in {repo_id} yet.", hint=f"See: hubver status {repo_id}")
    state, event = ledger.standing(hub, repo_id, refs, now)
    line = None
    if not isinstance(event, RolledBack) or not _names(to, event.rollback_tag, event.release):
        done = _done(hub, repo_id, refs, state, to)
        if done is not None:
            return done
        point = _chosen_point(repo_id, state, to)
        event = RolledBack(
            at=datetime.now(timezone.utc),
            actor=settings.actor or hub.whoami(),
            run_url=settings.run_url,
            state=state.rolled_back(point),
            release=point.release,
            previous=Release(sha=now, version=version_of(refs, now)),
            rollback_tag=point.tag,
            reason=_said(reason),
        )
        line = ledger.addition(refs, event)
    back = Move(f"refs/heads/{settings.production}", now, event.release.sha)
    try:
        _carry_out(hub, repo_id, refs, line, tags={}, production=back)
    except HubFailed as error:
        error.hint = (
            f"It may have been done all the same. Safe to repeat: hubver rollback {repo_id} --to {event.rollback_tag}"
        )
        raise
    return Rollback(repo_id, event.release, event.previous, event.rollback_tag)


def _carry_out(
    hub: Hub,
    repo_id: str,
    refs: Refs,
    line: ledger.Addition | None,
    *,
    tags: Mapping[str | None, str | None],
    production: Move,
) -> None:
    """Push a change as one: its line in the ledger, which is the lock, then the tags it lacks, then production.

    Args:
        line: None where an interrupted push has written it already.
        tags: tag → the commit it keeps; what has no name or no commit is passed over.
    """
    missing = [Move(f"refs/tags/{tag}", None, sha) for tag, sha in tags.items() if tag and sha and tag not in refs.tags]
    move(hub, repo_id, [*([line.move] if line else ()), *missing, production], line.objects if line else ())


def _as_release(refs: Refs, sha: str) -> tuple[Release, str | None]:
    """The release that a commit would be, and the final version tag that it still needs."""
    tag = version_of(refs, sha)
    version = Version.parse(tag) if tag else None
    if version is None or version.candidate is None:
        return Release(sha=sha, version=tag), None
    final = str(version.final)
    if final in refs.tags:
        raise NotGated(
            f"{tag} cannot become {final}: another run has that version.",
            hint="Push the run again with --pr, which numbers it anew, and gate that.",
        )
    return Release(sha=sha, version=final), final


def _next_rollback_tag(refs: Refs, previous: Release) -> str:
    numbers = [int(match.group(1)) for tag in refs.tags if (match := _ROLLBACK_TAG.fullmatch(tag))]
    return f"rollback/{max(numbers, default=0) + 1}-{previous}"


def _names(to: str | None, tag: str, release: Release) -> bool:
    return to is None or to in (tag, release.version, release.sha)


def _done(hub: Hub, repo_id: str, refs: Refs, state: State, to: str | None) -> Rollback | None:
    """The rollback that the newest change was, if it was to the point that is named."""
    if to is None or any(_names(to, point.tag, point.release) for point in state.rollback_points):
        return None
    change = ledger.last_change(hub, repo_id, refs)
    if not isinstance(change, RolledBack) or not _names(to, change.rollback_tag, change.release):
        return None
    return Rollback(repo_id, change.release, change.previous, change.rollback_tag, already=True)


def _said(text: str | None) -> str | None:
    """What somebody gave as a reason, as the ledger may keep it for ever."""
    return redact(text) if text is not None else None


def _chosen_point(repo_id: str, state: State, to: str | None) -> RollbackPoint:
    points = state.rollback_points
    if not points:
        raise BadInput(
            f"There is no rollback point in {repo_id}: production has never replaced anything since it began there.",
            hint=f"See: hubver log {repo_id}",
        )
    if to is None:
        return points[0]
    for point in points:
        if _names(to, point.tag, point.release):
            return point
    raise BadInput(
        f"{to!r} is no rollback point of {repo_id}.",
        expected=f"one of {', '.join(point.tag for point in points[:5])}",
        hint=f"A revision that production never left is promoted instead: hubver promote {repo_id}@{to}",
    )


def _merge(
    hub: Hub, repo_id: str, release: Release, number: int | None, tell: Callable[[str], None]
) -> tuple[bool, str | None]:
    """Merge the pull request that a release came from. Production has moved already, so a failure is only noted."""
    if number is None:
        return False, None
    tell(f"merging pull request #{number}")
    comment = f"{release} is in production at `{release.sha}`, the commit that the gate judged."
    try:
        return pulls.merge(hub, repo_id, number, head=release.sha, comment=comment), None
    except HubverError as error:
        return False, f"Pull request #{number} is not merged: {error}"
