"""`prune`: propose what may go, and delete it on demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hubver.errors import HubFailed, StaleRef
from hubver.hub import ledger, pulls
from hubver.hub.client import Hub
from hubver.hub.events import Pruned
from hubver.hub.transport.moves import LEDGER, Line, Move, everywhere
from hubver.hub.transport.way import connect
from hubver.retention.known import RUNS
from hubver.retention.proposal import Superfluous, propose
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubver.hub.contents import Refs
    from hubver.hub.ledger import Entry
    from hubver.hub.transport.way import Way

_TRIES = 8
# The date of a run's branch takes a request each, where the run was never published.
_MOST_RUNS = 20
_PULL = "refs/pr/"


@dataclass(frozen=True)
class Removal:
    """One ref that may go.

    Attributes:
        ref: its whole name.
        sha: the commit it points to.
        reason: why it may go.
        since: the newest that is known of it.
        gone: whether it was deleted now. One that moved meanwhile is left alone.
    """

    ref: str
    sha: str
    reason: str
    since: datetime
    gone: bool = False

    @property
    def name(self) -> str:
        """The name as people write it."""
        short = self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        return f"pull request #{short[len(_PULL) :]}" if short.startswith(_PULL) else short


@dataclass(frozen=True)
class Pruning:
    """What may go, or went.

    Attributes:
        applied: whether it was to be deleted, or only proposed.
        notes: what was not looked at.
    """

    repo_id: str
    removals: tuple[Removal, ...]
    applied: bool
    notes: tuple[str, ...] = ()


def prune(
    repo_id: str,
    *,
    older_than: timedelta = timedelta(days=30),
    apply: bool = False,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Pruning:
    """Propose what nothing needs any more, and delete it if that is wanted.

    What is deleted is named in the ledger with its commit, in the same push, or just before where refs cannot move
    together. Killed anywhere, the same again goes on.

    Args:
        older_than: what is younger stays.
        apply: delete what is proposed.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        BadDocument: an event in the ledger cannot be read, and could be a release.
        StaleRef: others kept changing the repository.
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    hub = Hub.of(settings, repo_id)
    before = datetime.now(timezone.utc) - older_than
    if not apply:
        seen = _look(hub, repo_id, before)
        return Pruning(repo_id, tuple(Removal(**vars(one)) for one in seen.proposed), applied=False, notes=seen.notes)
    hub.need_token()
    actor = settings.actor or hub.whoami()
    wanted: dict[str, Superfluous] = {}
    for _ in range(_TRIES):
        way = connect(hub, repo_id)
        seen = _look(hub, repo_id, before)
        wanted = {one.ref: one for one in seen.proposed} | wanted
        try:
            _delete(hub, way, seen, _event(seen, settings, actor), progress or (lambda _line: None))
            break
        except StaleRef:
            continue  # something moved: decide again by what is there now
    else:
        raise StaleRef(f"{repo_id} kept changing.", hint="Run the same command again.")
    left = hub.refs(repo_id)
    there = everywhere(left) | {f"{_PULL}{number}": head for number, head in left.pulls.items()}
    removals = tuple(Removal(**vars(one), gone=one.ref not in there) for one in wanted.values())
    return Pruning(repo_id, removals, applied=True, notes=seen.notes)


@dataclass(frozen=True)
class _Seen:
    repo_id: str
    refs: Refs
    entries: Sequence[Entry]
    proposed: tuple[Superfluous, ...]
    notes: tuple[str, ...]


def _look(hub: Hub, repo_id: str, before: datetime) -> _Seen:
    refs = hub.refs(repo_id)
    entries = tuple(ledger.entries(hub, repo_id, refs, page=ledger.WHOLE_PAGE))
    published = {getattr(entry.event, "run_id", None) for entry in entries}
    runs = [name for name in sorted(refs.branches) if name.startswith(RUNS) and name[len(RUNS) :] not in published]
    dates = {name: hub.date(repo_id, refs.branches[name]) for name in runs[:_MOST_RUNS]}
    notes: tuple[str, ...] = ()
    if runs[_MOST_RUNS:]:
        notes = (f"{len(runs) - _MOST_RUNS} more branches of runs that were never published were not looked at.",)
    listed = pulls.listed(hub, repo_id) if refs.pulls else ()
    return _Seen(repo_id, refs, entries, propose(refs, entries, listed, dates, before), notes)


def _event(seen: _Seen, settings: Settings, actor: str) -> Pruned | None:
    """What the ledger is to say. What it says already, of a prune that was cut short, need not be said again."""
    told = {pair for entry in seen.entries if isinstance(entry.event, Pruned) for pair in entry.event.refs.items()}
    fresh = {one.ref: one.sha for one in seen.proposed if (one.ref, one.sha) not in told}
    if not fresh:
        return None
    return Pruned(
        at=datetime.now(timezone.utc),
        actor=actor,
        run_url=settings.run_url,
        state=ledger.newest_state(iter(seen.entries)),
        refs=fresh,
    )


def _delete(hub: Hub, way: Way, seen: _Seen, event: Pruned | None, tell: Callable[[str], None]) -> None:
    """Delete what is proposed, from where the refs were before they were looked at, so that a move in between is seen."""
    head = way.refs.branches.get(LEDGER)
    if seen.refs.branches.get(LEDGER) != head:
        raise StaleRef(f"The ledger of {seen.repo_id} moved while this was under way.")
    there = everywhere(way.refs)
    moves = [Move(one.ref, there.get(one.ref), None) for one in seen.proposed if not one.ref.startswith(_PULL)]
    if seen.proposed:
        tell(f"deleting {len(seen.proposed)} refs")
    if event is not None or moves:
        way.carry_out(Line(event, head) if event is not None else None, moves)
    for one in seen.proposed:
        if one.ref.startswith(_PULL):
            _delete_pull(hub, seen.repo_id, int(one.ref[len(_PULL) :]), one.sha)


def _delete_pull(hub: Hub, repo_id: str, number: int, head: str) -> None:
    """Delete a pull request's commits, which only the API can, and without comparing: so this looks just before."""
    if hub.refs(repo_id).pulls.get(number) != head:
        return
    try:
        hub.delete_pull_ref(repo_id, number)
    except HubFailed:
        # A lost answer is not a failure.
        if number in hub.refs(repo_id).pulls:
            raise
