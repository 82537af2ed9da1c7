"""What of a repository waits for a verdict: from its refs, its ledger and its open pull requests. Pure.

Only what hubver published waits: a commit with a version's tag, or one that the ledger tells of. Both take the right to
write. Anybody may open a pull request, and what is in it goes to no gate unless a person asks for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hubver.hub.events import Change, Judged, Published, Unjudged
from hubver.versions import Version

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from hubver.hub.contents import Refs
    from hubver.hub.events import Event, State

TRIES = 3
"""How often a candidate is judged that comes to no verdict: what broke once may work an hour later, and asks machines anew."""


@dataclass(frozen=True)
class Candidate:
    """A commit that a gate may judge.

    Attributes:
        revision: the commit's sha.
        version: its tag.
        pull_request: the one that it came by.
    """

    revision: str
    version: str | None
    pull_request: int | None

    def __str__(self) -> str:
        return self.version or self.revision[:8]


@dataclass(frozen=True)
class Bench:
    """By whom a verdict must be, and against what, to say that a candidate was judged.

    Attributes:
        channel: the one that is judged for.
        production: the name of the channel that verdicts without one are for.
        baseline: what is in the channel now; None where nothing is.
        gates: digest of the folder of gates; None where there is none here, and the ledger's word is taken.
        tasks: digest of the tasks that the settings declare.
        oldest: verdicts from before this have expired; None where none ever does.
    """

    channel: str
    production: str
    baseline: str | None
    gates: str | None
    tasks: str
    oldest: datetime | None

    def judged(self, events: Sequence[Event]) -> dict[str, str]:
        """The outcome of the newest verdict on each commit that would be the same question now.

        Args:
            events: newest first.

        Returns:
            Commit → outcome; `error` where there was none so often that it is not worth another try.
        """
        ours = [event for event in events if isinstance(event, Judged | Unjudged) and self._asks_the_same(event)]
        broken = Counter(event.candidate.sha for event in ours if isinstance(event, Unjudged))
        found = {sha: "error" for sha, times in broken.items() if times >= TRIES}
        verdicts = (event for event in reversed(ours) if isinstance(event, Judged))
        return found | {event.candidate.sha: event.outcome for event in verdicts}

    def _asks_the_same(self, event: Judged | Unjudged) -> bool:
        baseline = event.baseline.sha if event.baseline else None
        by_these = self.gates in (None, event.gates_digest) and event.tasks_digest in (None, self.tasks)
        late = self.oldest is not None and event.at < self.oldest
        return (
            baseline == self.baseline and by_these and (event.channel or self.production) == self.channel and not late
        )


@dataclass(frozen=True)
class Repository:
    """What was read of a repository.

    Attributes:
        events: the newest of the ledger, newest first.
        open_pulls: numbers of open pull requests.
        channel: the one that is judged for.
        points: how the names of its rollback points begin.
        now: what is in it.
    """

    refs: Refs
    events: Sequence[Event]
    state: State
    open_pulls: Collection[int]
    channel: str
    points: re.Pattern[str]
    now: str | None

    def candidate(self, sha: str) -> Candidate:
        """A commit as a candidate."""
        version = self.versions.get(sha)
        return Candidate(sha, None if version is None else version[1], self.pull_request(sha))

    def pull_request(self, sha: str) -> int | None:
        """The pull request that a commit came by: as the ledger says, or as its head."""
        told = (
            event.pull_request for event in self.events if isinstance(event, Published) and event.release.sha == sha
        )
        heads = (number for number, head in sorted(self.refs.pulls.items(), reverse=True) if head == sha)
        return next(told, None) or next(heads, None)

    def is_published(self, sha: str) -> bool:
        """Whether whoever may write to the repository published it."""
        return sha in self.versions or any(isinstance(one, Published) and one.release.sha == sha for one in self.events)

    @cached_property
    def versions(self) -> dict[str, tuple[Version, str]]:
        """Commit → its version and the tag; the final one where a candidate's tag is there too."""
        found: dict[str, tuple[Version, str]] = {}
        for tag, sha in self.refs.tags.items():
            version = Version.try_parse(tag)
            if version is not None and (sha not in found or found[sha] < (version, tag)):
                found[sha] = (version, tag)
        return found

    @property
    def strangers(self) -> list[int]:
        """Open pull requests whose head nobody published."""
        heads = ((number, self.refs.pulls.get(number)) for number in sorted(self.open_pulls))
        return [number for number, sha in heads if sha is not None and not self.is_published(sha)]

    def waiting(self) -> list[Candidate]:
        """What may go forward from what is in the channel now, newest first: open candidates, and the newest version.

        A version that was in the channel, or came before what is there, does not wait; nor does one that another has
        overtaken without a pull request of its own, or that is quarantined.
        """
        found = sorted(self._forward(), reverse=True)
        finals = [version for version, _ in found if version.candidate is None]
        return [
            self.candidate(sha) for version, sha in found if version.candidate is not None or version == max(finals)
        ]

    def _forward(self) -> Iterator[tuple[Version, str]]:
        been, versions = self._been(), self.versions
        now = versions.get(self.now or "")
        for sha, (version, _) in versions.items():
            if sha in been or self.state.is_quarantined(sha) or (now is not None and version.final <= now[0].final):
                continue
            if version.candidate is None or self._is_open(sha, version):
                yield version, sha

    def _is_open(self, sha: str, version: Version) -> bool:
        """Whether a pull request's candidate can still become its version."""
        return str(version.final) not in self.refs.tags and self.pull_request(sha) in self.open_pulls

    def _been(self) -> set[str]:
        """What is, or was, in the channel."""
        points = {sha for tag, sha in self.refs.tags.items() if self.points.match(tag)}
        changes = (event for event in self.events if isinstance(event, Change) and event.channel == self.channel)
        moved = {event.release.sha for event in changes}
        return points | moved | ({self.now} if self.now else set())
