"""`check`: is an export whole, does each event follow from the one before, and does the Hub still hold all of it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubver.errors import BadDocument
from hubver.export.bundle import Broken, Bundle, opened
from hubver.hub.client import Hub
from hubver.hub.events import Event, read_event
from hubver.hub.replay import Kind, replay
from hubver.hub.transport.moves import LEDGER
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hubver.hub.ledger import Entry

_PAGE = 1000


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        sha: the ledger commit; None where it is about the whole.
    """

    sha: str | None
    fact: str
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        where = f"event {self.sha[:8]}: " if self.sha else ""
        details = f" (expected {self.expected}, found {self.found})" if self.expected else ""
        return f"{where}{self.fact}{details}"


@dataclass(frozen=True)
class Checked:
    """What a check of an export found.

    Attributes:
        head: the newest commit in it; None where the file is broken.
        events: how many events it holds.
        first, last: the times of its first and last event.
        repo_id: the repository that it was compared with; None if with none.
        newer: how many events that repository's ledger has beyond those of the file; None if it was not compared, or differs.
        findings: what is not as it should be; none if all is well.
        notes: what one should know, such as a channel that was moved by other means than hubver.
    """

    file: Path
    head: str | None
    events: int
    first: datetime | None
    last: datetime | None
    repo_id: str | None
    newer: int | None
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def check(
    file: Path,
    repo_id: str | None = None,
    *,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Checked:
    """Hash everything in an export, replay its events, and compare it with the Hub's ledger.

    Args:
        file: what `export` wrote, or `git bundle create FILE ledger`.
        repo_id: compare it with the ledger of this repository; with none if None, and then no network is needed.
        settings: the user's own if None.
        progress: told each step.

    Raises:
        BadInput: the file is no bundle of a ledger.
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    tell = progress or (lambda _line: None)
    if repo_id is not None:
        Target.repo(repo_id)
    tell("hashing every object")
    try:
        with opened(file) as bundle:
            bundle.walk()
            seen = _Seen()
            tell(f"replaying {bundle.count} events")
            told = replay(seen.all(bundle))
            broken = [Finding(one.sha, one.fact, one.expected, one.found) for one in told.contradictions]
            bad = [one.is_tampering or one.kind is Kind.UNREADABLE for one in told.contradictions]
            wrong = [finding for finding, is_bad in zip(broken, bad, strict=True) if is_bad]
            findings = [*seen.findings, *wrong]
            newer = None
            if repo_id is not None:
                tell(f"comparing with the ledger of {repo_id}")
                newer, differing = _compare(Hub.of(settings or Settings.load(), repo_id), repo_id, bundle, seen.titles)
                findings += differing
            notes = [finding for finding in broken if finding not in wrong]
            return Checked(
                file,
                bundle.head,
                bundle.count,
                seen.first,
                seen.last,
                repo_id,
                newer,
                tuple(findings),
                tuple(notes),
            )
    except Broken as error:
        return Checked(file, None, 0, None, None, repo_id, None, (Finding(None, str(error)),), ())


@dataclass
class _Seen:
    """What is kept of events as they pass."""

    findings: list[Finding] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def all(self, bundle: Bundle) -> Iterator[Entry]:
        """The bundle's events, oldest first, each held against the file beside it."""
        for entry in bundle.entries():
            self.titles[entry.sha] = entry.title
            beside = bundle.event_file(entry.sha)
            if entry.event is not None:
                self.first = self.first or entry.event.at
                self.last = entry.event.at
                if _read(beside) != entry.event:
                    found = "no such file" if beside is None else "another event"
                    self.findings.append(
                        Finding(entry.sha, "event.json is not what its commit says", "the same event", found)
                    )
            yield entry


def _read(content: bytes | None) -> Event | None:
    try:
        return read_event(content) if content is not None else None
    except BadDocument:
        return None


def _compare(hub: Hub, repo_id: str, bundle: Bundle, titles: dict[str, str]) -> tuple[int | None, list[Finding]]:
    """How many events the Hub's ledger has beyond the file's; or the first event of the file that it does not have."""
    head = hub.refs(repo_id).branches.get(LEDGER)
    theirs: list[tuple[str, str]] = []
    page = 0
    while head is not None:
        commits = hub.commits(repo_id, head, limit=_PAGE, page=page)
        theirs += [(commit.sha, commit.title) for commit in commits]
        if any(commit.sha == bundle.head for commit in commits):
            return [sha for sha, _ in theirs].index(bundle.head), []
        if len(commits) < _PAGE:
            break
        page += 1
    theirs.reverse()
    for position, sha in enumerate(bundle.shas):
        there = theirs[position] if position < len(theirs) else None
        if there is None or there[0] != sha:
            found = f"{there[0][:8]}, {there[1]}" if there else "the end of the ledger"
            return None, [Finding(sha, f"{repo_id} does not have it", titles.get(sha, "a commit"), found)]
    raise AssertionError("unreachable: the head is one of the file's commits, and the Hub does not have it")
