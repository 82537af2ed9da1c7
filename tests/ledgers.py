"""Ledgers written down without a Hub, by the same rules as the verbs keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hubver.hub.events import (
    Adopted,
    Event,
    Judged,
    Promoted,
    Published,
    Quarantined,
    Release,
    RollbackPoint,
    RolledBack,
    State,
)
from hubver.hub.ledger import Entry
from hubver.hub.transport.git import GitPush, commit_of
from hubver.hub.transport.moves import LEDGER, LEDGER_REF, Line, Move
from hubver.hub.transport.way import connect

if TYPE_CHECKING:
    from dulwich.objects import ShaFile
    from histories import Repo

BEGIN = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


def release(number: int) -> Release:
    return Release(sha=f"{number:040x}", version=f"v1.{number}.0")


@dataclass
class Book:
    """A ledger in the making: each call appends one event, an hour after the one before."""

    entries: list[Entry] = field(default_factory=list)
    state: State = field(default_factory=State)
    hours: int = 0
    tags: int = 0

    def add(self, event: Event) -> Entry:
        entry = Entry(f"{len(self.entries) + 0xC0000:040x}", event.title, event)
        self.entries.append(entry)
        self.state = event.state
        return entry

    def told(self, state: State | None = None) -> dict:
        """What all events say. The hour passes here."""
        self.hours += 1
        return {"at": self.now, "actor": "acme", "state": self.state if state is None else state}

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(hours=self.hours)

    def publish(self, number: int) -> Entry:
        return self.add(Published(**self.told(), release=release(number), run_id=f"run-{number}"))

    def judge(self, number: int, outcome: str = "pass", channel: str = "production") -> Entry:
        baseline = self.state.release(channel)
        return self.add(
            Judged(**self.told(), candidate=release(number), baseline=baseline, outcome=outcome, gates_digest="0" * 64)
        )

    def promote(self, number: int, channel: str = "production", **changes) -> Entry:
        verdict = self.judge(number, channel=channel).sha
        previous = self.state.release(channel)
        self.tags += 1
        tag = f"rollback/{self.tags}-{previous}" if previous else None
        point = RollbackPoint(tag=tag, release=previous) if tag and previous else None
        told = self.told()
        told["state"] = self.state.promoted(channel, release(number), point, told["at"])
        values = {
            **told,
            "channel": channel,
            "release": release(number),
            "previous": previous,
            "verdict": verdict,
            "rollback_tag": tag,
        }
        return self.add(Promoted(**values | changes))

    def rollback(self, steps: int = 1, channel: str = "production", **changes) -> Entry:
        points = self.state.points(channel)
        previous = self.state.release(channel)
        told = self.told()
        point = points[steps - 1]
        told["state"] = self.state.rolled_back(channel, point.release, points[steps:], told["at"])
        values = {
            **told,
            "channel": channel,
            "release": point.release,
            "previous": previous,
            "rollback_tag": point.tag,
        }
        return self.add(RolledBack(**values | changes))

    def quarantine(self, number: int, *, lift: bool = False) -> Entry:
        one = release(number)
        state = self.state.lift(one.sha) if lift else self.state.quarantine(one)
        return self.add(Quarantined(**self.told(state), release=one, lifted=lift))

    def adopt(self, number: int, channel: str = "production") -> Entry:
        told = self.told()
        previous = self.state.release(channel)
        told["state"] = self.state.adopted(channel, release(number), told["at"])
        return self.add(Adopted(**told, channel=channel, release=release(number), previous=previous))


def write(repo: Repo, book: Book) -> list[str]:
    """Push a book onto a Hub's ledger as it stands, in one push; its commits, oldest first."""
    way = connect(repo.hub, repo.repo_id)
    assert isinstance(way, GitPush)
    parent = way.refs.branches.get(LEDGER)
    objects: list[ShaFile] = []
    shas: list[str] = []
    named: dict[str | None, str] = {}  # what a promotion calls its verdict → the commit that it became
    for entry in book.entries:
        event = entry.event
        assert event is not None
        if isinstance(event, Promoted):
            event = event.model_copy(update={"verdict": named.get(event.verdict, event.verdict)})
        made = commit_of(Line(event, shas[-1] if shas else parent))
        objects += made
        shas.append(made[-1].id.decode())
        named[entry.sha] = shas[-1]
    way._settle([Move(LEDGER_REF, parent, shas[-1])], objects)  # what `carry_out` does for one line
    return shas
