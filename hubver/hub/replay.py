"""The ledger told again from its beginning: where each channel was, and what does not follow from what came before.

Pure. Every event states the release state after it, so each one can be held against the one before and the rules of
`hubver.hub.events.State`. What is found is not all of one kind: a channel that was moved by other means than hubver,
or a stranger's commit, is something to know; a state that no rule leads to is a ledger that somebody tampered with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from hubver.hub.events import Adopted, Change, Event, Judged, Promoted, Quarantined, RollbackPoint, RolledBack, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from hubver.hub.events import Release
    from hubver.hub.ledger import Entry


class Kind(str, Enum):
    """What may be wrong with an event.

    Attributes:
        STATE: its state does not follow from the one before.
        VERDICT: it moved a channel by a verdict that no earlier event gave, or that was not a pass on this pair.
        QUARANTINE: it put a revision into a channel that must not go to any.
        UNREADABLE: it is an event, but not one that this version can read.
        MOVED: it found the channel elsewhere than the event before left it: moved by other means than hubver.
        STRANGER: a commit that hubver did not write.
    """

    STATE = "state"
    VERDICT = "verdict"
    QUARANTINE = "quarantine"
    UNREADABLE = "unreadable"
    MOVED = "moved"
    STRANGER = "stranger"


# What hubver itself never writes, so that somebody else did.
_TAMPERING = frozenset({Kind.STATE, Kind.VERDICT, Kind.QUARANTINE})


@dataclass(frozen=True)
class Contradiction:
    """Something that does not fit.

    Attributes:
        sha: the ledger commit.
        fact: what is wrong, to be read after the event's name: `its state does not follow ...`.
    """

    sha: str
    kind: Kind
    fact: str
    expected: str
    found: str

    @property
    def is_tampering(self) -> bool:
        """Whether hubver would never have written this."""
        return self.kind in _TAMPERING


@dataclass(frozen=True)
class Position:
    """What came into a channel.

    Attributes:
        at: when, by the clock of whoever acted; the order of the ledger is the truth where clocks disagree.
        sha: the ledger commit that says so.
        event: what it says.
    """

    at: datetime
    sha: str
    release: Release
    event: Event


@dataclass
class Replay:
    """What a ledger tells, from the first event to the last.

    Attributes:
        positions: channel → what came into it, oldest first.
        state: after the last event.
    """

    positions: dict[str, list[Position]] = field(default_factory=dict)
    contradictions: list[Contradiction] = field(default_factory=list)
    state: State = field(default_factory=State)

    @property
    def tampering(self) -> list[Contradiction]:
        """Those contradictions that hubver would never have written."""
        return [one for one in self.contradictions if one.is_tampering]


def replay(oldest_first: Iterable[Entry], *, whole: bool = True) -> Replay:
    """Tell a ledger again.

    Args:
        whole: whether it begins with the first event; else what the first one goes on from is not known, and believed.
    """
    told = Replay()
    teller = _Teller(None if not whole else State())
    for entry in oldest_first:
        told.contradictions += teller.contradictions(entry)
        event = entry.event
        if event is None:
            continue
        for name, channel in event.state.channels.items():
            before = told.state.channel(name)
            if before is None or (before.release.sha, before.since) != (channel.release.sha, channel.since):
                told.positions.setdefault(name, []).append(Position(event.at, entry.sha, channel.release, event))
        told.state = event.state
    return told


@dataclass(frozen=True)
class _Step:
    """A rollback point with all that lies behind it: an event carries only the newest of them."""

    point: RollbackPoint
    further: _Step | None


class _Teller:
    """Holds each event against all before it.

    Args:
        before: what the first one goes on from; None where that is not known.
    """

    def __init__(self, before: State | None) -> None:
        self._before, self._whole = before, before is not None
        self._ways: dict[str, _Step | None] = {}
        self._steps: dict[tuple[str, str], _Step] = {}
        self._verdicts: dict[str, Judged] = {}

    def contradictions(self, entry: Entry) -> Iterator[Contradiction]:
        """What does not fit; then the event is believed, so that one fault is told once."""
        if entry.unreadable is not None:
            yield Contradiction(entry.sha, Kind.UNREADABLE, "it cannot be read", "an event", entry.unreadable.fact)
            self._before = None
        if entry.event is None:
            if entry.unreadable is None:
                yield Contradiction(entry.sha, Kind.STRANGER, "hubver did not write it", "an event", entry.title)
            return
        event = entry.event
        if self._before is not None:
            yield from self._against(self._before, event, entry.sha)
        if isinstance(event, Promoted) and event.rollback_tag and event.previous:
            point = RollbackPoint(tag=event.rollback_tag, release=event.previous)
            self._lay(event.channel, point, self._ways.get(event.channel))
        elif isinstance(event, RolledBack) and (step := self._steps.get((event.channel, event.rollback_tag or ""))):
            self._ways[event.channel] = step.further
        self._believe(event.state)
        if isinstance(event, Judged):
            self._verdicts[entry.sha] = event

    def _against(self, before: State, event: Event, sha: str) -> Iterator[Contradiction]:
        expected = self._expected(before, event)
        if type(event) is Event and not _same(before, event.state):
            fact = f"it is of a kind that this hubver does not know ({event.kind}), and changes where channels are"
            yield Contradiction(sha, Kind.UNREADABLE, fact, _apart(before, event.state), _apart(event.state, before))
        elif expected is not None and not _same(expected, event.state):
            fact = "its state does not follow from the one before"
            yield Contradiction(sha, Kind.STATE, fact, _apart(expected, event.state), _apart(event.state, expected))
        if not isinstance(event, Change):
            return
        left = before.release(event.channel)
        if _sha(left) != _sha(event.previous):
            fact = f"{event.channel} had been moved by other means before it"
            yield Contradiction(sha, Kind.MOVED, fact, _name(left), _name(event.previous))
        if isinstance(event, Promoted | RolledBack) and before.is_quarantined(event.release.sha):
            fact = f"it put {event.release} into {event.channel}, which was quarantined"
            yield Contradiction(sha, Kind.QUARANTINE, fact, "a revision that may go to channels", str(event.release))
        if isinstance(event, Promoted):
            yield from self._of_verdict(event, sha)

    def _of_verdict(self, event: Promoted, sha: str) -> Iterator[Contradiction]:
        """A channel that takes what nobody judged has no verdict to name; what is named must be there."""
        if event.verdict is None or event.source is not None:
            return  # of a copy, the verdict is in the ledger of the repository that it was copied from
        verdict = self._verdicts.get(event.verdict)
        if verdict is None:
            if self._whole:
                fact = "it goes by a verdict that no event before it gave"
                yield Contradiction(sha, Kind.VERDICT, fact, f"a verdict {event.verdict[:8]}", "none")
            return
        judged = (verdict.candidate.sha, _sha(verdict.baseline))
        if judged != (event.release.sha, _sha(event.previous)):
            fact = "the verdict it goes by is on something else"
            wanted = f"{event.release} against {_name(event.previous)}"
            yield Contradiction(
                sha, Kind.VERDICT, fact, wanted, f"{verdict.candidate} against {_name(verdict.baseline)}"
            )
        elif verdict.outcome != "pass" and event.override is None:
            fact = "the verdict it goes by is not a pass"
            yield Contradiction(sha, Kind.VERDICT, fact, "pass, or an override with its reason", verdict.outcome)

    def _expected(self, before: State, event: Event) -> State | None:
        """The state that the rules lead to; None where what came before is not known well enough to tell."""
        if isinstance(event, Promoted):
            kept = event.rollback_tag is not None and event.previous is not None
            point = RollbackPoint(tag=event.rollback_tag, release=event.previous) if kept else None
            return before.promoted(event.channel, event.release, point, event.at)
        if isinstance(event, RolledBack):
            return self._expected_back(before, event)
        if isinstance(event, Adopted):
            return before.adopted(event.channel, event.release, event.at)
        if isinstance(event, Quarantined):
            return before.lift(event.release.sha) if event.lifted else before.quarantine(event.release)
        # Of an event of a newer version the rules are not known here; one that leaves everything as it was needs none.
        return before

    def _expected_back(self, before: State, event: RolledBack) -> State | None:
        """Back to a point that an earlier promotion made, with no other points than those that lie behind it.

        How many of them an event carries depends on how far back was looked for them, so any number of the newest fits.
        """
        if event.quarantined and event.previous is not None:
            before = before.quarantine(event.previous)
        told = event.state.points(event.channel)
        if event.rollback_tag is None:
            release, further = before.release(event.channel), before.points(event.channel)
        elif step := self._steps.get((event.channel, event.rollback_tag)):
            release = step.point.release
            further = told if _leads(step.further, told) else tuple(_all(step.further))
        elif self._whole:
            return before  # nothing made that point
        else:
            return None
        if release is None or release.sha != event.release.sha:
            return before
        return before.rolled_back(event.channel, event.release, further, event.at)

    def _believe(self, state: State) -> None:
        """Go on from what an event says, with as much of the way back as is known."""
        self._before = state
        for name, channel in state.channels.items():
            points = channel.rollback_points
            if _leads(self._ways.get(name), points):
                continue
            # One further back on a way that is known, with all that lies behind it; else only what is said here.
            known = self._steps.get((name, points[0].tag))
            self._ways[name] = known if _leads(known, points) else None
            if self._ways[name] is None:
                for point in reversed(points):
                    self._lay(name, point, self._ways[name])

    def _lay(self, channel: str, point: RollbackPoint, further: _Step | None) -> None:
        self._ways[channel] = self._steps[channel, point.tag] = _Step(point, further)


def _apart(state: State, other: State) -> str:
    """What a state says, and the other does not, in a few words."""
    told = []
    for name, channel in sorted(state.channels.items()):
        against = other.channel(name)
        if channel == against:
            continue
        told.append(f"{name} at {_name(channel.release)}")
        if against is not None and against.release.sha == channel.release.sha:
            way = ", ".join(point.tag for point in channel.rollback_points) or "nothing"
            told.append(f"since {channel.since.isoformat()}, with {way} behind it")
    if state.quarantined != other.quarantined:
        told.append(f"in quarantine: {', '.join(map(str, state.quarantined)) or 'nothing'}")
    return ", ".join(told) or "nothing of the kind"


def _same(one: State, other: State) -> bool:
    """Whether two states say the same of what this version knows."""
    return one.channels == other.channels and one.quarantined == other.quarantined


def _leads(way: _Step | None, points: tuple[RollbackPoint, ...]) -> bool:
    """Whether these points are the newest of a way."""
    for point in points:
        if way is None or way.point != point:
            return False
        way = way.further
    return True


def _all(way: _Step | None) -> Iterator[RollbackPoint]:
    while way is not None:
        yield way.point
        way = way.further


def _sha(release: Release | None) -> str | None:
    return release.sha if release else None


def _name(release: Release | None) -> str:
    return f"{release} ({release.sha[:8]})" if release else "nothing"
