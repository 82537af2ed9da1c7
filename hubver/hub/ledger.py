"""The ledger: the branch `ledger` of a model repository, where each event is a commit.

The commit's title reads for people; its message and the file `event.json` hold the same bytes, the event; its tree
holds the evidence; its parent is the event before. So git's hashes make it tamper-evident, the Hub's commits endpoint
lists it with what it says in one request, and `git log ledger` reads it anywhere. Appending needs the old head, so the
ledger is also the lock, and the moment at which a change happens.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, StaleRef
from hubver.hub.events import Event, State, read_event
from hubver.hub.transport.moves import LEDGER, Line
from hubver.hub.transport.way import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hubver.hub.client import Hub
    from hubver.hub.contents import Commit, Refs

# Ten requests of a thousand events each are the most that is ever read of a ledger.
MOST_PAGES = 10
WHOLE_PAGE = 1000
_TRIES = 8
_PAUSE_S = 0.01
# What is wanted is most often among so many.
FIRST_PAGE = 20
_WINDOWS = ((200, 1), (WHOLE_PAGE, MOST_PAGES))


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


def entries(hub: Hub, repo_id: str, refs: Refs, *, page: int = 100, pages: int = MOST_PAGES) -> Iterator[Entry]:
    """The ledger's entries, newest first, read as they are asked for.

    Args:
        page: entries a request, 1 to 1000: as many as the caller expects to need.
        pages: the most requests that are made.
    """
    return (entry for commit in _commits(hub, repo_id, refs, page, pages) if (entry := entry_of(commit)) is not None)


def read_page(hub: Hub, repo_id: str, head: str, number: int, *, page: int) -> tuple[list[Entry], bool]:
    """One page of the commits that lead to one of the ledger, newest first, in one request.

    Args:
        number: 0 for the newest.
        page: commits a page, 1 to 1000.

    Returns:
        An entry for each commit, whatever it is, and whether the ledger begins on this page, or ended before it.
    """
    commits = hub.commits(repo_id, head, limit=page, page=number)
    found = [entry_of(commit) or Entry(commit.sha, commit.title, None) for commit in commits]
    return found, len(commits) < page


def search(hub: Hub, repo_id: str, refs: Refs, *, first: int = FIRST_PAGE) -> Iterator[Entry]:
    """The ledger's entries, newest first, for what is most likely among the newest, and may be far back.

    One request for the newest twenty; then one for two hundred, then at most ten of a thousand each.

    Args:
        first: how many the first request asks for, at most 200.
    """
    known = 0
    for page, pages in ((first, 1), *_WINDOWS):
        seen = 0
        for commit in _commits(hub, repo_id, refs, page, pages):
            seen += 1
            if seen > known and (entry := entry_of(commit)) is not None:
                yield entry
        if seen < page:
            return
        known = seen


def _commits(hub: Hub, repo_id: str, refs: Refs, page: int, pages: int) -> Iterator[Commit]:
    head = refs.branches.get(LEDGER)
    if head is None:
        return
    for number in range(pages):
        commits = hub.commits(repo_id, head, limit=page, page=number)
        yield from commits
        if len(commits) < page:
            return


def state(hub: Hub, repo_id: str, refs: Refs) -> State:
    """The release state, as the newest event tells it: one request, unless strangers wrote to the ledger since.

    Raises:
        BadDocument: the newest event cannot be read.
    """
    return newest_state(search(hub, repo_id, refs))


def newest_state(newest_first: Iterator[Entry]) -> State:
    """The release state after the first of these entries that holds an event.

    Raises:
        BadDocument: that event cannot be read.
    """
    for entry in newest_first:
        if entry.unreadable is not None:
            raise entry.unreadable
        if entry.event is not None:
            return entry.event.state
    return State()


def append(
    hub: Hub, repo_id: str, make: Callable[[Refs, State], Event], evidence: Mapping[str, bytes] | None = None
) -> str:
    """Append an event that moves no other ref; where another event came first, it goes after that one.

    Args:
        make: builds the event for the refs and the release state that it follows.
        evidence: file name → bytes, kept beside the event.

    Returns:
        The sha of the ledger commit.

    Raises:
        StaleRef: others kept appending at the same time.
    """
    for attempt in range(1, _TRIES + 1):
        way = connect(hub, repo_id)
        event = make(way.refs, state(hub, repo_id, way.refs))
        try:
            sha = way.carry_out(Line(event, way.refs.branches.get(LEDGER), evidence or {}), [])
        except StaleRef:
            if attempt == _TRIES:
                raise
            time.sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311  # no secret: many at once come apart
        else:
            break
    return str(sha)


def entry_of(commit: Commit) -> Entry | None:
    """What a commit of the ledger says; None for the empty one that a Hub gives a branch which is made over HTTP."""
    if commit.title == "initial commit" and not commit.message.strip():
        return None
    try:
        return Entry(commit.sha, commit.title, read_event(commit.message))
    except BadDocument as error:
        return Entry(commit.sha, commit.title, None, error)
