"""The candidate of a promotion: which commit it is, what it will be called, and which pull request it came by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import NotFound, NotGated
from hubver.hub import pulls
from hubver.hub.events import Judged, Published, Release, Source
from hubver.pins import find_sha, version_of
from hubver.versions import Version

if TYPE_CHECKING:
    from hubver.hub.contents import Refs
    from hubver.release.standing import Standing
    from hubver.settings import Settings


@dataclass(frozen=True)
class Promotion:
    """A candidate in a channel.

    Attributes:
        channel: its branch.
        previous: what it replaced; None for the first release.
        rollback_tag: the tag on what it replaced.
        tag: the final version's tag, where the candidate was a pull request's `-rc.N`.
        pull_request: the pull request it came from.
        merged: whether that was merged into `main` now; if that failed, `note` says why.
        source: what the release is a copy of, where the channel lives in a repository of its own.
        already: whether it was in the channel before, so that nothing was done.
    """

    repo_id: str
    channel: str
    release: Release
    previous: Release | None
    rollback_tag: str | None
    tag: str | None = None
    pull_request: int | None = None
    merged: bool = False
    already: bool = False
    note: str | None = None
    source: Source | None = None


@dataclass(frozen=True)
class Candidate:
    """A commit that is to go to a channel.

    Attributes:
        release: what it will be there.
        final_tag: the final version's tag, where it is a pull request's `-rc.N` that becomes its version.
        pull_request: the one that it came by.
    """

    release: Release
    final_tag: str | None
    pull_request: int | None

    @property
    def sha(self) -> str:
        """The commit."""
        return self.release.sha


def find(standing: Standing, revision: str, settings: Settings) -> Candidate:
    """The candidate that a revision names, for the channel that is acted on.

    What a git server advertises may lack pull requests, and shows a tag with a message as itself: where the ledger's
    newest events do not know the commit, the Hub is asked.

    Raises:
        NotFound: there is no such revision.
        NotGated: another run has the version that it would become.
    """
    hub, repo_id, refs = standing.hub, standing.repo_id, standing.refs
    production = settings.production
    try:
        sha = find_sha(hub, repo_id, revision, refs, production=production)
    except NotFound:
        sha = ""
    if not _known(standing, sha):
        refs = hub.refs(repo_id)
        sha = find_sha(hub, repo_id, revision, refs, production=production)
    release, final_tag = _as_release(standing, refs, sha, final=settings.channel == production)
    number = _pull_request(standing, refs, sha)
    if number is None and final_tag is not None and refs is standing.refs:
        # A candidate that was published long ago: what git advertises may lack pull requests.
        number = pulls.with_head(hub.refs(repo_id), sha)
    return Candidate(release, final_tag, number)


def _known(standing: Standing, sha: str) -> bool:
    """Whether an event among the newest is about a commit."""
    return any(
        sha == (event.candidate.sha if isinstance(event, Judged) else getattr(event, "release", _NOTHING).sha)
        for event in standing.newest()
    )


def _pull_request(standing: Standing, refs: Refs, sha: str) -> int | None:
    """The pull request that a commit came by: as the ledger says, or as its head."""
    told = (
        event.pull_request for event in standing.newest() if isinstance(event, Published) and event.release.sha == sha
    )
    return next(told, None) or pulls.with_head(refs, sha)


def _as_release(standing: Standing, refs: Refs, sha: str, *, final: bool) -> tuple[Release, str | None]:
    """The release that a commit would be, and the final version tag that it still needs.

    A version is another run's also where the ledger has just said so, and its tag is still on its way.

    Args:
        final: whether a candidate becomes its version there; elsewhere it stays one, to be refused or released yet.
    """
    tag = version_of(refs, sha)
    version = Version.parse(tag) if tag else None
    if version is None or version.candidate is None or not final:
        return Release(sha=sha, version=tag), None
    name = str(version.final)
    published = {event.release.version for event in standing.newest() if isinstance(event, Published)}
    if name in refs.tags or name in published:
        raise NotGated(
            f"{tag} cannot become {name}: another run has that version.",
            hint="Push the run again with --pr, which numbers it anew, and gate that.",
        )
    return Release(sha=sha, version=name), name


def next_rollback_tag(standing: Standing, settings: Settings, previous: Release) -> str:
    """A rollback point's name. No number is given twice, also where somebody has deleted a point's tag."""
    channel = settings.channel
    prefix = "rollback/" if channel == settings.production else f"rollback/{channel}/"
    pattern = re.compile(rf"{re.escape(prefix)}(\d+)-[^/]+")
    told = (getattr(event, "rollback_tag", None) for event in standing.newest())
    points = (point.tag for point in standing.state.points(channel))
    known = (*standing.refs.tags, *points, *told)
    numbers = [int(match.group(1)) for tag in known if tag and (match := pattern.fullmatch(tag))]
    return f"{prefix}{max(numbers, default=0) + 1}-{previous}"


_NOTHING = Release(sha="")
