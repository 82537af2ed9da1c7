"""What the refs, the ledger and the pull requests say of each commit. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubver.hub.events import Change, Judged, Published, Quarantined, Signed
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hubver.hub.contents import PullRequest, Refs
    from hubver.hub.events import Event
    from hubver.hub.ledger import Entry

RUNS = "runs/"


@dataclass
class Known:
    """What is known of a repository's commits.

    Attributes:
        needed: commits that stay: in a channel now or ever, of a final version or a rollback point, in quarantine, at the
            head of a pull request that is open or merged.
        newest: commit → the time of the newest event about it.
        verdicts: commit → the outcome of the newest verdict on it.
        published: run id → when it became a version, or a candidate.
        closed: pull request that was closed without a merge → when it was opened.
    """

    refs: Refs
    needed: set[str] = field(default_factory=set)
    newest: dict[str, datetime] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    published: dict[str, datetime] = field(default_factory=dict)
    closed: dict[int, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, refs: Refs, entries: Iterable[Entry], pulls: Iterable[PullRequest]) -> Known:
        """Read all of it.

        Args:
            entries: the ledger, newest first, as far as it was read. What was released before that is known by its tags.

        Raises:
            BadDocument: an event cannot be read, and could be a release.
        """
        known = cls(refs)
        known._read_refs()
        # A pull request that is not listed as closed may be open: what stays is what is not known to be superfluous.
        known.closed = {pull.number: pull.opened for pull in pulls if pull.status == "closed"}
        known.needed.update(head for number, head in refs.pulls.items() if number not in known.closed)
        for entry in entries:
            if entry.unreadable is not None:
                raise entry.unreadable
            if entry.event is not None:
                known._read_event(entry.event)
        return known

    def _read_refs(self) -> None:
        for tag, sha in self.refs.tags.items():
            version = Version.try_parse(tag)
            if tag.startswith("rollback/") or (version is not None and version.candidate is None):
                self.needed.add(sha)
        # A branch without another meaning may be a channel, also where the settings at hand do not name it.
        self.needed.update(
            sha for name, sha in self.refs.branches.items() if name not in ("main", "ledger") and name[:5] != RUNS
        )

    def _read_event(self, event: Event) -> None:
        """One event, after all newer ones."""
        state = event.state
        self.needed.update(release.sha for release in state.quarantined)
        for channel in state.channels.values():
            self.needed.update((channel.release.sha, *(point.release.sha for point in channel.rollback_points)))
        if isinstance(event, Change):
            self.needed.update(release.sha for release in (event.release, event.previous) if release)
        elif isinstance(event, Judged):
            self.verdicts.setdefault(event.candidate.sha, event.outcome)
            self.newest.setdefault(event.candidate.sha, event.at)
            if event.baseline is not None:
                self.needed.add(event.baseline.sha)
        elif isinstance(event, Published):
            self.published.setdefault(event.run_id, event.at)
            self.newest.setdefault(event.release.sha, event.at)
        elif isinstance(event, Quarantined | Signed):
            self.newest.setdefault(event.release.sha, event.at)
