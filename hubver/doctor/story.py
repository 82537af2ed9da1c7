"""The ledger held against itself, and against what this machine saw of it before. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.doctor.findings import Finding
from hubver.doctor.tags import ROLLBACK
from hubver.hub.events import RolledBack
from hubver.hub.replay import Kind, replay
from hubver.hub.transport.moves import LEDGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.doctor.facts import Facts
    from hubver.hub.replay import Contradiction
    from hubver.hub.witness import Rewritten

_RESTORE = "Restore it from a clone, or from a file that `hubver export` wrote: "


def check(facts: Facts) -> Iterator[Finding]:
    """What is wrong with the ledger, but for what its files hold."""
    missing = LEDGER not in facts.refs.branches
    if facts.rewritten is not None:
        yield _rewritten(facts, facts.rewritten, missing=missing)
    elif missing and _released(facts):
        yield Finding(
            "ledger-missing",
            LEDGER,
            "The ledger is not there, although something was released here.",
            expected=f"a branch {LEDGER}",
            found=f"no such branch, but {_released(facts)}",
            advice=f"{_RESTORE}git push {facts.remote} HEAD:refs/heads/{LEDGER}. "
            "Without one, the next promotion begins a new ledger.",
        )
    told = replay(reversed(facts.entries), whole=facts.whole)
    entries = {entry.sha: entry for entry in facts.entries}
    for one in reversed(told.contradictions):
        event = entries[one.sha].event
        if one.kind is Kind.MOVED and isinstance(event, RolledBack) and event.rollback_tag is None:
            continue  # it put that right, and says so itself
        yield _contradiction(one, entries[one.sha].title, newest=facts.state is None)
    if not facts.whole:
        yield Finding(
            "ledger-long",
            LEDGER,
            f"The ledger is longer than was read: only its newest {len(facts.entries):,} commits were.",
            problem=False,
            advice=f"The whole of it is read by: hubver export {facts.repo_id}",
        )


def file_differs(sha: str, title: str) -> Finding:
    """A ledger commit whose file does not say what its message does."""
    return Finding(
        "ledger-contradiction",
        sha[:8],
        f"The ledger commit {sha[:8]} ({title}) holds another event than its message says.",
        expected="the same event in event.json",
        found="another one, or none",
        advice="hubver never writes that. Compare it with a copy of the ledger.",
    )


def _rewritten(facts: Facts, lost: Rewritten, *, missing: bool) -> Finding:
    if missing:
        fact, found = "The ledger was deleted.", f"no branch {LEDGER}"
    elif lost.common is not None and facts.entries[0].sha == lost.common.sha:
        fact, found = "The ledger was cut short.", f"it ends with {lost.common}"
    elif lost.common is not None:
        fact, found = "The ledger was rewritten.", f"other events after {lost.common}"
    else:
        fact, found = "The ledger was rewritten from its first event on.", "none of what this machine saw"
    now = facts.refs.branches.get(LEDGER, "")
    lease = f"--force-with-lease={LEDGER}:{now}"
    return Finding(
        "ledger-rewritten",
        LEDGER,
        fact,
        expected=f"{lost.gone[-1]}, and all that this machine saw after it, up to {lost.head}",
        found=found,
        advice=f"{_RESTORE}git push {lease} {facts.remote} {lost.head.sha}:refs/heads/{LEDGER}. Nothing else is repaired "
        f"before. If you know why it is another one now: hubver doctor {facts.repo_id} --forget",
    )


def _released(facts: Facts) -> str:
    """What shows that there must have been a ledger; empty if nothing does."""
    points = [tag for tag in sorted(facts.refs.tags) if tag.startswith(ROLLBACK)]
    return f"the rollback point {points[0]}" if points else ""


def _contradiction(one: Contradiction, title: str, *, newest: bool) -> Finding:
    where = f"{title!r} ({one.sha[:8]})"
    if one.kind is Kind.MOVED:
        return Finding(
            "ledger-moved-before",
            one.sha[:8],
            f"When {where} was written, {one.fact}.",
            one.expected,
            one.found,
            problem=False,
        )
    if one.kind is Kind.STRANGER:
        fact = f"Somebody wrote the commit {where} into the ledger by hand; it is passed over."
        return Finding("ledger-stranger", one.sha[:8], fact, problem=False)
    if one.kind is Kind.UNREADABLE:
        return Finding(
            "ledger-unreadable",
            one.sha[:8],
            f"The event {where} cannot be read"
            + (", so where the channels should be is not known." if newest else ", so nothing is decided past it."),
            advice="It may come from a newer hubver; upgrade with: pip install -U hubver",
        )
    return Finding(
        "ledger-contradiction",
        one.sha[:8],
        f"The ledger contradicts itself at {where}: {one.fact}.",
        one.expected,
        one.found,
        advice="hubver never writes that: events were edited, added or taken out. Compare it with a copy of the ledger.",
    )
