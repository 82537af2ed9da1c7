"""`promote`: a candidate goes to a channel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import NotFound, NotGated
from hubver.hub import pulls
from hubver.hub.client import Hub
from hubver.hub.events import Judged, Promoted, Published, Release, RollbackPoint
from hubver.pins import find_sha, version_of
from hubver.release import binding, transaction
from hubver.release.merging import merge
from hubver.settings import Settings
from hubver.target import Target
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.contents import Refs
    from hubver.hub.transport.way import Way
    from hubver.release.standing import Standing


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


def promote(
    text: str,
    *,
    to: str | None = None,
    override: str | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Promotion:
    """Move a channel to a candidate that has a passing verdict against what it replaces.

    A candidate from a pull request is promoted as the commit that was judged. In production it gets its final version
    tag in the same push, and is merged into `main` afterwards; the merge makes another commit, which no channel points
    to. In other channels it stays a candidate.

    Args:
        text: `ORG/NAME@REVISION`.
        to: the channel; production if None. Others are tables of the settings.
        override: promote without a verdict, for this reason, which the ledger keeps.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        NotGated: no verdict binds this commit to what is in the channel now, or it is quarantined.
        GateFailed: the verdict is not a pass.
        StaleRef: the channel moved in between; nothing was changed.
        NotFound, BadInput, BadSettings, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = (settings or Settings.load()).on_channel(to)
    override = binding.check_override(override, settings)
    target = Target.parse(text, need_revision=True)
    hub = Hub.of(settings)
    tell = progress or (lambda _line: None)
    work = _Promoting(hub, target.repo_id, target.revision or "", override, settings, tell)
    done = transaction.change(hub, target.repo_id, settings, work.attempt, tell)
    if done.channel != settings.production:
        return done
    found = merge(hub, done.repo_id, done.release, done.pull_request, channel=done.channel, tell=tell)
    return Promotion(**{**vars(done), "merged": found.merged, "note": found.note})


@dataclass(frozen=True)
class _Promoting:
    hub: Hub
    repo_id: str
    revision: str
    override: str | None
    settings: Settings
    tell: Callable[[str], None]

    def attempt(self, way: Way, standing: Standing) -> Promotion:
        settings, channel = self.settings, self.settings.channel
        refs, sha = self._candidate(standing)
        previous = standing.at(channel)
        release, final_tag = _as_release(refs, sha, final=channel == settings.production)
        number = _pull_request(standing, refs, sha)
        if previous is not None and previous.sha == sha:
            self._check_not_astray(standing, release)
            # The push before may have been its process's last act, with the merge still to be done.
            return Promotion(self.repo_id, channel, release, previous, None, None, number, already=True)
        binding.check_admitted(standing, settings, release)
        verdict = binding.binding_verdict(
            standing, settings, self.revision, release=release, previous=previous, override=self.override is not None
        )
        tag = _next_rollback_tag(standing, settings, previous) if previous else None
        point = RollbackPoint(tag=tag, release=previous) if tag and previous else None
        at = datetime.now(timezone.utc)
        event = Promoted(
            at=at,
            actor=settings.actor or self.hub.whoami(),
            run_url=settings.run_url,
            state=standing.state.promoted(channel, release, point, at),
            channel=channel,
            release=release,
            previous=previous,
            verdict=verdict,
            rollback_tag=tag,
            final_tag=final_tag,
            pull_request=number,
            override=self.override,
            in_steps=way.in_steps,
        )
        self.tell(f"moving {channel} to {release}")
        transaction.carry_out(way, event)
        return Promotion(self.repo_id, channel, release, previous, tag, final_tag, number)

    def _check_not_astray(self, standing: Standing, release: Release) -> None:
        channel = self.settings.channel
        if standing.astray(channel):
            said = standing.state.release(channel) or "nothing"
            raise NotGated(
                f"{release} is in {channel}, but hubver did not bring it there: the ledger says {said}.",
                hint=f"See what can be done about it: hubver doctor {self.repo_id}",
            )

    def _candidate(self, standing: Standing) -> tuple[Refs, str]:
        """The commit that is meant, and the refs that know it.

        What a git server advertises may lack pull requests, and shows a tag with a message as itself: where the ledger's
        newest events do not know the commit, the Hub is asked.
        """
        production = self.settings.production
        try:
            sha = find_sha(self.hub, self.repo_id, self.revision, standing.refs, production=production)
        except NotFound:
            sha = None
        if sha is None or not _known(standing, sha):
            refs = self.hub.refs(self.repo_id)
            return refs, find_sha(self.hub, self.repo_id, self.revision, refs, production=production)
        return standing.refs, sha


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


def _as_release(refs: Refs, sha: str, *, final: bool) -> tuple[Release, str | None]:
    """The release that a commit would be, and the final version tag that it still needs.

    Args:
        final: whether a candidate becomes its version there; elsewhere it stays one, to be refused or released yet.
    """
    tag = version_of(refs, sha)
    version = Version.parse(tag) if tag else None
    if version is None or version.candidate is None or not final:
        return Release(sha=sha, version=tag), None
    name = str(version.final)
    if name in refs.tags:
        raise NotGated(
            f"{tag} cannot become {name}: another run has that version.",
            hint="Push the run again with --pr, which numbers it anew, and gate that.",
        )
    return Release(sha=sha, version=name), name


def _next_rollback_tag(standing: Standing, settings: Settings, previous: Release) -> str:
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
