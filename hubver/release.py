"""Production: what it is, moved forward by a verdict and back by a rollback.

Each change is one git push that moves `production` from the commit that was read, creates the tags and appends to the
ledger: together, or not at all, and at the same cost for a model of any size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import BadInput, GateFailed, HubverError, NotFound, NotGated
from hubver.hub import ledger, pulls
from hubver.hub.client import Hub
from hubver.hub.events import Judged, Promoted, Release, RollbackPoint, RolledBack, State
from hubver.hub.refs import Move, move
from hubver.pins import find_sha, version_of
from hubver.settings import Settings
from hubver.target import Target
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Production back at a rollback point."""

    repo_id: str
    release: Release
    previous: Release
    rollback_tag: str


@dataclass(frozen=True)
class Status:
    """Where a repository's channels are.

    Attributes:
        production: what the branch points to; None before the first promotion.
        state: what the ledger says.
        latest: the highest version.
        note: what is wrong, if production and ledger disagree.
    """

    repo_id: str
    production: Release | None
    state: State
    latest: str | None
    main: str
    open_pulls: int
    note: str | None = None


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
    target = Target.parse(text, need_revision=True)
    repo_id, revision = target.repo_id, target.revision or ""
    tell = progress or (lambda _line: None)
    hub = Hub.of(settings)
    hub.need_token()
    refs = hub.refs(repo_id)
    sha = find_sha(hub, repo_id, revision, refs)
    now = refs.branches.get(settings.production)
    previous = Release(sha=now, version=version_of(refs, now)) if now else None
    release, final_tag = _as_release(refs, sha)
    number = pulls.with_head(refs, sha)
    if now == sha:
        # The push before may have been its process's last act.
        merged, note = _merge(hub, repo_id, release, number, tell)
        return Promotion(repo_id, release, previous, None, None, number, merged=merged, already=True, note=note)
    verdict = _binding_verdict(hub, repo_id, refs, release=release, previous=previous, override=override)
    state = ledger.state(hub, repo_id, refs)
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
        override=override,
    )
    line = ledger.addition(refs, event)
    moves = [line.move]
    if point:
        moves.append(Move(f"refs/tags/{point.tag}", None, point.release.sha))
    if final_tag:
        moves.append(Move(f"refs/tags/{final_tag}", None, sha))
    moves.append(Move(f"refs/heads/{settings.production}", now, sha))
    tell(f"moving {settings.production} to {release}")
    move(hub, repo_id, moves, line.objects)
    merged, note = _merge(hub, repo_id, release, number, tell)
    return Promotion(repo_id, release, previous, event.rollback_tag, final_tag, number, merged=merged, note=note)


def rollback(
    repo_id: str, *, to: str | None = None, reason: str | None = None, settings: Settings | None = None
) -> Rollback:
    """Move production back to a rollback point: the newest, or the one named.

    Rolling back twice goes further back; forward again is a promotion.

    Args:
        to: a rollback tag, or the version or sha that one keeps.
        reason: kept in the ledger.
        settings: the user's own if None.

    Raises:
        BadInput: there is no such rollback point, or none at all.
        StaleRef: production or the ledger moved in between; nothing was changed.
    """
    settings = settings or Settings.load()
    hub = Hub.of(settings)
    hub.need_token()
    refs = hub.refs(repo_id)
    now = refs.branches.get(settings.production)
    if now is None:
        raise NotFound(f"Nothing is in production in {repo_id} yet.", hint=f"See: hubver status {repo_id}")
    state = ledger.state(hub, repo_id, refs)
    point = _chosen_point(repo_id, state, to)
    previous = Release(sha=now, version=version_of(refs, now))
    event = RolledBack(
        at=datetime.now(timezone.utc),
        actor=settings.actor or hub.whoami(),
        run_url=settings.run_url,
        state=state.rolled_back(point),
        release=point.release,
        previous=previous,
        rollback_tag=point.tag,
        reason=reason,
    )
    line = ledger.addition(refs, event)
    moves = [line.move, Move(f"refs/heads/{settings.production}", now, point.release.sha)]
    move(hub, repo_id, moves, line.objects)
    return Rollback(repo_id, point.release, previous, point.tag)


def status(repo_id: str, *, settings: Settings | None = None) -> Status:
    """Where production is, by its branch and by the ledger, in two requests."""
    settings = settings or Settings.load()
    hub = Hub.of(settings)
    refs = hub.refs(repo_id)
    now = refs.branches.get(settings.production)
    state = ledger.state(hub, repo_id, refs)
    production = Release(sha=now, version=version_of(refs, now)) if now else None
    said = state.production.sha if state.production else None
    note = None
    if said != now:
        note = (
            f"{settings.production} is at {now[:8] if now else 'nothing'}, but the ledger says "
            f"{said[:8] if said else 'nothing'}: it was moved by other means than hubver."
        )
    versions = [version for tag in refs.tags if (version := Version.try_parse(tag))]
    return Status(
        repo_id,
        production,
        state,
        str(max(versions)) if versions else None,
        refs.branches["main"],
        len(refs.pulls),
        note,
    )


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


def _binding_verdict(
    hub: Hub, repo_id: str, refs: Refs, *, release: Release, previous: Release | None, override: str | None
) -> str | None:
    """The ledger commit of the newest verdict on exactly this commit against exactly this production."""
    baseline = previous.sha if previous else None
    seen: Judged | None = None
    gate = f"hubver gate {repo_id}@{release.version if release.version in refs.tags else release.sha}"
    for entry in ledger.entries(hub, repo_id, refs):
        event = entry.event
        if not isinstance(event, Judged) or event.candidate.sha != release.sha:
            continue
        if (event.baseline.sha if event.baseline else None) == baseline:
            if event.outcome == "pass" or override is not None:
                return entry.sha
            raise GateFailed(
                f"The gate's verdict on {release} is {event.outcome}, so it does not go to production.",
                found="; ".join(event.reasons[:3]) or None,
                hint=f"Read the report, or judge it again with: {gate}",
            )
        seen = seen or event
    if override is not None:
        return None
    if seen is not None:
        was = str(seen.baseline) if seen.baseline else "no production"
        raise NotGated(
            f"{release} was judged against {was}, but {previous or 'nothing'} is in production now.",
            hint=f"Judge it against that with: {gate}",
        )
    raise NotGated(f"There is no verdict on {release} ({release.sha[:8]}).", hint=f"Judge it with: {gate}")


def _next_rollback_tag(refs: Refs, previous: Release) -> str:
    numbers = [int(match.group(1)) for tag in refs.tags if (match := _ROLLBACK_TAG.fullmatch(tag))]
    return f"rollback/{max(numbers, default=0) + 1}-{previous}"


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
        if to in (point.tag, point.release.version, point.release.sha):
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
        return pulls.merge(hub, repo_id, number, comment=comment), None
    except HubverError as error:
        return False, f"Pull request #{number} is not merged: {error}"
