"""How a repository stands: its refs and its ledger, read once, and what is half done or not as the ledger says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hubver.hub import ledger
from hubver.hub.events import Change, Release
from hubver.pins import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.events import Event, State
    from hubver.hub.ledger import Entry

_E = TypeVar("_E", bound="Event")


class Standing:
    """The refs and the ledger as they were at one moment.

    Attributes:
        refs: where everything is.
        state: where everything should be, as the newest event says.
        whole: whether the ledger was read to its end.
    """

    def __init__(self, hub: Hub, repo_id: str, refs: Refs, *, newest: int = ledger.FIRST_PAGE) -> None:
        """Read the newest events, in one request.

        Args:
            newest: how many, at most 200; others are read when they are asked for.

        Raises:
            BadDocument: the newest event cannot be read.
        """
        self.hub, self.repo_id, self.refs = hub, repo_id, refs
        self._unread = ledger.search(hub, repo_id, refs, first=newest)
        self._read: list[Entry] = []
        self.whole = False
        self.state: State = ledger.newest_state(self.entries())
        for _ in zip(range(newest), self.entries(), strict=False):
            pass  # they came with the first answer

    def entries(self) -> Iterator[Entry]:
        """The ledger, newest first; read as far as somebody asks, and only once."""
        position = 0
        while True:
            while position >= len(self._read):
                entry = next(self._unread, None)
                if entry is None:
                    self.whole = True
                    return
                self._read.append(entry)
            yield self._read[position]
            position += 1

    @property
    def read(self) -> tuple[Entry, ...]:
        """What of the ledger has been read so far, newest first."""
        return tuple(self._read)

    def newest(self) -> Iterator[Event]:
        """The events that have been read so far, newest first."""
        return (entry.event for entry in self.read if entry.event is not None)

    def events(self, kind: type[_E]) -> Iterator[tuple[str, _E]]:
        """Events of one kind with their ledger commits, newest first."""
        return ((entry.sha, entry.event) for entry in self.entries() if isinstance(entry.event, kind))

    def at(self, channel: str) -> Release | None:
        """What a channel's branch points to; None where there is no such branch."""
        sha = self.refs.branches.get(channel)
        return Release(sha=sha, version=version_of(self.refs, sha)) if sha else None

    def last_change(self, channel: str) -> Change | None:
        """The newest event that moved a channel; None before its first promotion."""
        if self.state.channel(channel) is None:
            return None
        return next((event for _, event in self.events(Change) if event.channel == channel), None)

    def astray(self, channel: str) -> bool:
        """Whether a channel's branch is elsewhere than the ledger says."""
        return _sha(self.state.release(channel)) != self.refs.branches.get(channel)

    def unfinished(self) -> Change | None:
        """A change that the ledger has, and that its channel has not followed yet.

        Only where refs move one after another can that be: the channel first, and then the tags, so that a tag which is
        there says that all is done. Whoever changes anything finishes it first, so there is never more than one.
        """
        for channel in self.state.channels:
            change = self._newest_known(channel)
            if change is None or self.state.is_quarantined(change.release.sha):
                continue  # what somebody has quarantined since goes nowhere
            if change.in_steps and self._half_done(change):
                return change
        return None

    def overrun(self, moved: Mapping[str, str]) -> Change | None:
        """The newest change of a channel, where a move that came too late for its own line has taken the branch elsewhere.

        Args:
            moved: branches that whoever asks has moved → where to.
        """
        for channel, sha in moved.items():
            if self.refs.branches.get(channel) == sha and self.astray(channel):
                return self.last_change(channel)
        return None

    def _newest_known(self, channel: str) -> Change | None:
        if self.astray(channel) or self._lacks_a_tag(channel):
            return self.last_change(channel)
        known = (event for event in self.newest() if isinstance(event, Change) and event.channel == channel)
        return next(known, None)

    def _lacks_a_tag(self, channel: str) -> bool:
        """Whether a tag is missing that the newest change may have to make, however long ago that was written."""
        release, points = self.state.release(channel), self.state.points(channel)
        wanted = {release.version if release else None, *(point.tag for point in points[:1])}
        return not self.refs.tags.keys() >= wanted - {None}

    def _half_done(self, change: Change) -> bool:
        now = self.refs.branches.get(change.channel)
        if change.tags:
            missing = any(tag not in self.refs.tags for tag in change.tags)
            return missing and now in (_sha(change.previous), change.release.sha)
        return now == _sha(change.previous)

    def state_at(self, channel: str) -> State | None:
        """The newest state that fits where a channel's branch is; None where the ledger never knew it there."""
        now = self.refs.branches.get(channel)
        if _sha(self.state.release(channel)) == now:
            return self.state
        for entry in self.entries():
            if entry.event is not None and _sha(entry.event.state.release(channel)) == now:
                return entry.event.state
        return None


def _sha(release: Release | None) -> str | None:
    return release.sha if release else None
