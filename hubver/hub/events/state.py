"""Where every channel is after an event, and which rollback points lead back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from hubver.documents import Part

if TYPE_CHECKING:
    from datetime import datetime

# How many rollback points an event carries for a channel. Older ones remain in older events, and as tags.
MOST_ROLLBACK_POINTS = 10


class Release(Part):
    """One revision that is, or was, in a channel.

    Attributes:
        sha: the commit.
        version: the version tag on it, if it has one.
    """

    sha: str
    version: str | None = None

    def __str__(self) -> str:
        return self.version or self.sha[:8]


class RollbackPoint(Part):
    """What a channel left, and the tag that keeps it."""

    tag: str
    release: Release


class Channel(Part):
    """Where one channel is after an event.

    Attributes:
        release: what runs there.
        since: when it came there.
        rollback_points: the way back, newest first.
    """

    release: Release
    since: AwareDatetime
    rollback_points: tuple[RollbackPoint, ...] = ()


class State(Part):
    """Where every channel is after an event.

    Attributes:
        channels: branch name → where it is; none before its first promotion.
        quarantined: revisions that must not go to any channel.
    """

    channels: dict[str, Channel] = Field(default_factory=dict)
    quarantined: tuple[Release, ...] = ()

    def channel(self, name: str) -> Channel | None:
        """Where a channel is; None before its first promotion."""
        return self.channels.get(name)

    def release(self, name: str) -> Release | None:
        """What runs in a channel; None before its first promotion."""
        return self.channels[name].release if name in self.channels else None

    def versions(self) -> dict[str, str]:
        """The versions in the channels, and their commits. The tag of one may still be on its way."""
        releases = (channel.release for channel in self.channels.values())
        return {release.version: release.sha for release in releases if release.version is not None}

    def points(self, name: str) -> tuple[RollbackPoint, ...]:
        """The way back of a channel, newest first."""
        return self.channels[name].rollback_points if name in self.channels else ()

    def is_quarantined(self, sha: str) -> bool:
        """Whether a commit must not go to any channel."""
        return any(release.sha == sha for release in self.quarantined)

    def promoted(self, name: str, release: Release, point: RollbackPoint | None, at: datetime) -> State:
        """The state once `release` is in a channel, and what it replaced is kept by `point`."""
        points = self.points(name) if point is None else (point, *self.points(name))
        return self._with(name, Channel(release=release, since=at, rollback_points=points[:MOST_ROLLBACK_POINTS]))

    def rolled_back(self, name: str, release: Release, points: tuple[RollbackPoint, ...], at: datetime) -> State:
        """The state once a channel is back at `release`.

        Args:
            points: the way that leads further back from there.
        """
        return self._with(name, Channel(release=release, since=at, rollback_points=points[:MOST_ROLLBACK_POINTS]))

    def adopted(self, name: str, release: Release, at: datetime) -> State:
        """The state once the ledger follows a branch that was moved by other means.

        The way back is what it was; of a release that lies on it, what lies behind that.
        """
        points = self.points(name)
        met = next((place for place, point in enumerate(points) if point.release.sha == release.sha), None)
        return self.rolled_back(name, release, points if met is None else points[met + 1 :], at)

    def quarantine(self, release: Release) -> State:
        """The state once a revision must not go to any channel."""
        others = tuple(one for one in self.quarantined if one.sha != release.sha)
        return self.model_copy(update={"quarantined": (*others, release)})

    def lift(self, sha: str) -> State:
        """The state once a revision may go to channels again."""
        return self.model_copy(update={"quarantined": tuple(one for one in self.quarantined if one.sha != sha)})

    def _with(self, name: str, channel: Channel) -> State:
        return self.model_copy(update={"channels": {**self.channels, name: channel}})
