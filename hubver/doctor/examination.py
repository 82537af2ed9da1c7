"""One examination: a repository read once, in a bounded number of requests, and held against its ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hubver.doctor import access, channels, story, tags
from hubver.doctor.facts import Facts
from hubver.doctor.findings import Finding, Report
from hubver.errors import BadDocument, NotFound
from hubver.hub import ledger, witness
from hubver.hub.contents import is_sha
from hubver.hub.events import read_event
from hubver.hub.transport.moves import EVENT_FILE
from hubver.record.schema import RECORD_FILE
from hubver.release.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.events import Change, State
    from hubver.hub.ledger import Entry
    from hubver.settings import Settings

# Tags that are looked at one by one, and findings of one kind that are listed; there may be thousands.
_MOST = 10
# The newest events decide where everything is, so these are read twice: the message, and the file.
_READ_TWICE = 3
_MOST_ENTRIES = ledger.MOST_PAGES * ledger.WHOLE_PAGE


def examine(
    hub: Hub, repo_id: str, settings: Settings, *, asked: Collection[str] = (), clock: Callable[[], float]
) -> Report:
    """Look at everything: in about ten requests where a thousand events agree with the refs, and in sixty at most.

    Args:
        asked: tags that are looked at, and told of, however many others there are; two requests more for each.
        clock: seconds since 1970, by this machine.

    Raises:
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    may = access.access(hub, repo_id, clock=clock)
    facts = _read(hub, repo_id, settings)
    doubtful = tags.doubts(facts, tags.said(facts))
    found = [
        *story.check(facts),
        *_files(hub, facts),
        *channels.check(facts),
        *tags.check(facts, doubtful, _look(hub, repo_id, doubtful, asked)),
        *access.check(may),
    ]
    listed = tuple(sorted(_few(found, asked), key=lambda one: not one.problem))
    report = Report(repo_id, may, len(facts.entries), facts.whole, listed)
    return report if report.unbelievable is None else replace(report, findings=tuple(map(_later, listed)))


def _read(hub: Hub, repo_id: str, settings: Settings) -> Facts:
    refs = hub.refs(repo_id)
    state, begun, entries = _ledger(hub, repo_id, refs)
    whole = len(entries) < _MOST_ENTRIES
    return Facts(
        repo_id,
        f"{hub.endpoint}/{repo_id}",
        refs,
        entries,
        whole,
        state,
        begun,
        witness.look(settings, repo_id, entries, whole=whole),
        tuple(dict.fromkeys((settings.production, *settings.channels))),
    )


def _ledger(hub: Hub, repo_id: str, refs: Refs) -> tuple[State | None, Change | None, tuple[Entry, ...]]:
    """What the newest event says, what is half done, and all events, newest first."""
    try:
        standing = Standing(hub, repo_id, refs)
    except BadDocument:
        return None, None, tuple(ledger.entries(hub, repo_id, refs, page=ledger.WHOLE_PAGE))
    begun = standing.unfinished()
    if begun is not None and refs.branches.get(begun.channel) == begun.release.sha:
        begun = None  # only its tags are not there, and these are found one by one
    return standing.state, begun, tuple(standing.entries())


def _files(hub: Hub, facts: Facts) -> Iterator[Finding]:
    """The newest events whose file says something else than their commit's message."""
    for entry in [entry for entry in facts.entries if entry.event is not None][:_READ_TWICE]:
        data = hub.read_if_there(facts.repo_id, entry.sha, EVENT_FILE)
        try:
            same = data is not None and read_event(data) == entry.event
        except BadDocument:
            same = False
        if not same:
            yield story.file_differs(entry.sha, entry.title)


def _look(hub: Hub, repo_id: str, doubtful: Sequence[tags.Doubt], asked: Collection[str]) -> tags.Looked:
    """Look at the first of the doubtful tags, and at those that are asked for, one by one."""
    uncertain = [doubt for doubt in doubtful if not doubt.certain]
    moved = _chosen([doubt for doubt in uncertain if doubt.said is not None and doubt.now is not None], asked)
    missing = _chosen([doubt for doubt in uncertain if doubt.now is None], asked)
    strange = _chosen([doubt for doubt in uncertain if doubt.said is None], asked)
    resolved = {doubt.tag: _commit(hub, repo_id, doubt.tag) or str(doubt.now) for doubt in moved}
    said = {str(doubt.said) for doubt in (*moved, *missing)}
    lost = frozenset(sha for sha in sorted(said) if not is_sha(sha) or _commit(hub, repo_id, sha) is None)
    held = {str(doubt.now) for doubt in strange}
    records = frozenset(sha for sha in sorted(held) if hub.read_if_there(repo_id, sha, RECORD_FILE) is not None)
    looked_at = frozenset(doubt.tag for doubt in (*moved, *missing, *strange))
    return tags.Looked(looked_at, resolved, lost, records)


def _chosen(doubtful: Sequence[tags.Doubt], asked: Collection[str]) -> list[tags.Doubt]:
    return [doubt for number, doubt in enumerate(doubtful) if number < _MOST or doubt.tag in asked]


def _commit(hub: Hub, repo_id: str, revision: str) -> str | None:
    try:
        return hub.resolve(repo_id, revision)
    except NotFound:
        return None


def _few(found: Sequence[Finding], asked: Collection[str]) -> Iterator[Finding]:
    """The first of each kind, and what is asked for; and how many more there are."""
    kinds = dict.fromkeys((one.name, one.problem) for one in found)
    for name, problem in kinds:
        alike = [one for one in found if (one.name, one.problem) == (name, problem)]
        told = [one for number, one in enumerate(alike) if number < _MOST or one.subject in asked]
        yield from told
        if more := [one.subject for one in alike if one not in told]:
            named = ", ".join(more[:_MOST])
            yield Finding("more", name, f"{len(more)} more of the kind {name}: {named}.", problem=problem)


def _later(one: Finding) -> Finding:
    """A finding without what would put it right by a ledger that cannot be believed."""
    if one.name.startswith("ledger-") or not one.problem:
        return one
    return replace(one, repair=None, moves=(), advice="First the ledger: what it says cannot be believed as it is.")
