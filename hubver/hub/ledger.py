"""The ledger: the branch `ledger` of a model repository, where each event is a commit.

The commit's title reads for people; its message and the file `event.json` hold the same bytes, the event; its tree
holds the evidence; its parent is the event before. So git's hashes make it tamper-evident, the Hub's commits endpoint
lists it with what it says in one request, and `git log ledger` reads it anywhere. Appending needs the old head, so the
ledger is also the lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, StaleRef
from hubver.hub.events import Event, Judged, Promoted, RolledBack, State, read_event
from hubver.hub.refs import Move, move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dulwich.objects import ShaFile

    from hubver.hub.client import Hub
    from hubver.hub.contents import Commit, Refs
    from hubver.hub.events import Release

BRANCH = "ledger"
EVENT_FILE = "event.json"

MOST_PAGES = 10
_TRIES = 5


@dataclass(frozen=True)
class Entry:
    """One commit of the ledger.

    Attributes:
        sha: the commit.
        title: its title.
        event: what it says; None for a commit that hubver did not write, or wrote in a way not known here.
        unreadable: whether it is the latter. What decides something must not pass over it.
    """

    sha: str
    title: str
    event: Event | None
    unreadable: BadDocument | None = None


@dataclass(frozen=True)
class Addition:
    """An event ready to be pushed: the ref's move, and the objects it needs."""

    move: Move
    objects: tuple[ShaFile, ...]


def entries(hub: Hub, repo_id: str, refs: Refs, *, page: int = 100) -> Iterator[Entry]:
    """The ledger's entries, newest first, read as they are asked for: at most ten requests.

    Args:
        page: entries a request, 1 to 1000: as many as the caller expects to need.
    """
    head = refs.branches.get(BRANCH)
    if head is None:
        return
    for number in range(MOST_PAGES):
        commits = hub.commits(repo_id, head, limit=page, page=number)
        for commit in commits:
            yield _entry(commit)
        if len(commits) < page:
            return


def state(hub: Hub, repo_id: str, refs: Refs) -> State:
    """The release state, as the newest event tells it: one request, unless strangers wrote to the ledger since.

    Raises:
        BadDocument: the newest event cannot be read.
    """
    for entry in entries(hub, repo_id, refs, page=10):
        if entry.unreadable is not None:
            raise entry.unreadable
        if entry.event is not None:
            return entry.event.state
    return State()


def last_change(hub: Hub, repo_id: str, refs: Refs) -> Promoted | RolledBack | None:
    """The newest event that moved production; None if there is none among the newest hundred."""
    for entry in entries(hub, repo_id, refs, page=10):
        if isinstance(entry.event, Promoted | RolledBack):
            return entry.event
    return None


def standing(hub: Hub, repo_id: str, refs: Refs, now: str | None) -> tuple[State, Promoted | RolledBack | None]:
    """The release state that fits where production is: that of the newest event that agrees, else of the newest.

    A server that moves one ref at a time may be left with a change that stands in the ledger, and that production has
    not followed; and production may be moved by other means.

    Args:
        now: the commit that production is at; None where there is no production.

    Returns:
        The state, and the change that was begun from here and neither finished nor judged anew, if there is one.

    Raises:
        BadDocument: the newest event cannot be read.
    """
    newest = state(hub, repo_id, refs)
    if _production(newest) == now:
        return newest, None
    begun, decided = None, False
    for entry in entries(hub, repo_id, refs, page=10):
        event = entry.event
        if event is None:
            continue
        if _production(event.state) == now:
            return event.state, begun
        if isinstance(event, Promoted | RolledBack) and not decided and _sha(event.previous) == now:
            begun = event
        # A change with a verdict after it is not simply finished: the verdict may say no.
        decided = decided or isinstance(event, Judged | Promoted | RolledBack)
    return (newest if now else State()), begun


def _production(state: State) -> str | None:
    return _sha(state.production)


def _sha(release: Release | None) -> str | None:
    return release.sha if release else None


def addition(refs: Refs, event: Event, evidence: Mapping[str, bytes] | None = None) -> Addition:
    """The commit that appends an event, built in memory.

    Args:
        refs: the refs as they were read: the new commit's parent is the head among them.
        evidence: file name → bytes, kept beside the event.
    """
    from dulwich.objects import Blob, Commit, Tree

    body = event.to_bytes()
    tree = Tree()
    objects: list[ShaFile] = []
    for name, content in sorted({EVENT_FILE: body, **(evidence or {})}.items()):
        blob = Blob.from_string(content)
        objects.append(blob)
        tree.add(name.encode(), 0o100644, blob.id)
    head = refs.branches.get(BRANCH)
    commit = Commit()
    commit.tree = tree.id
    commit.parents = [head.encode()] if head else []  # type: ignore[list-item]
    commit.author = commit.committer = f"{_one_line(event.actor)} <{_one_line(event.actor)}@hubver>".encode()
    commit.author_time = commit.commit_time = int(event.at.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = f"{_one_line(event.title)}\n\n".encode() + body
    return Addition(Move(f"refs/heads/{BRANCH}", head, commit.id.decode()), (*objects, tree, commit))


def append(
    hub: Hub, repo_id: str, make: Callable[[Refs, State], Event], evidence: Mapping[str, bytes] | None = None
) -> str:
    """Append an event that moves no other ref; where another event came first, it goes after that one.

    Args:
        make: builds the event for the refs and the release state that it follows.

    Returns:
        The sha of the ledger commit.

    Raises:
        StaleRef: others kept appending at the same time.
    """
    for attempt in range(1, _TRIES + 1):
        refs = hub.refs(repo_id)
        line = addition(refs, make(refs, state(hub, repo_id, refs)), evidence)
        try:
            move(hub, repo_id, [line.move], line.objects)
        except StaleRef:
            if attempt == _TRIES:
                raise
        else:
            break
    return line.move.new


def _entry(commit: Commit) -> Entry:
    try:
        return Entry(commit.sha, commit.title, read_event(commit.message))
    except BadDocument as error:
        return Entry(commit.sha, commit.title, None, error)


def _one_line(text: str) -> str:
    """Text for a commit's header or title: one line, and nothing that git reads as structure."""
    return " ".join(text.replace("<", "").replace(">", "").split()) or "unknown"
