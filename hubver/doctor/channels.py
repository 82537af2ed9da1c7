"""Channels held against the ledger: where their branches are, and where it says they should be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.doctor.facts import Facts, short
from hubver.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.hub.events import State


def check(facts: Facts) -> Iterator[Finding]:
    """What is wrong with the channels."""
    if facts.begun is not None:
        yield Finding(
            "half-done",
            facts.begun.channel,
            f"A change of {facts.begun.actor} is half done: {facts.begun.title}.",
            expected=f"{facts.begun.channel} at {short(facts.begun.release.sha, facts.begun.release.version)}"
            + "".join(f", {tag} at {sha[:8]}" for tag, sha in facts.begun.tags.items()),
            found=_found(facts, facts.begun.channel, facts.refs.branches.get(facts.begun.channel)),
            repair="finish it, as the next promotion or rollback would",
        )
    if facts.state is None:
        return
    for name in dict.fromkeys((*facts.state.channels, *facts.channels)):
        if facts.begun is None or facts.begun.channel != name:
            yield from _position(facts, facts.state, name)
        yield from _quarantined(facts, facts.state, name)


def _position(facts: Facts, state: State, name: str) -> Iterator[Finding]:
    said, now = state.release(name), facts.refs.branches.get(name)
    doctor = f"hubver doctor {facts.repo_id}"
    if (said.sha if said else None) == now:
        return
    if said is None:
        yield Finding(
            "channel-unknown",
            name,
            f"{name} was made by other means than hubver: the ledger has never put anything there.",
            expected="no such branch",
            found=_found(facts, name, now),
            advice=f"Accept it with: {doctor} --adopt {name} --reason TEXT; or delete the branch, and promote.",
        )
        return
    if now is None:
        yield Finding(
            "channel-missing",
            name,
            f"{name} was deleted by other means than hubver.",
            expected=short(said.sha, said.version),
            found="no such branch",
            advice=f"Bring it back with: {doctor} --restore {name}",
        )
        return
    yield Finding(
        "channel-moved",
        name,
        f"{name} was moved by other means than hubver.",
        expected=short(said.sha, said.version),
        found=_found(facts, name, now),
        advice=f"Move it back with: {doctor} --restore {name}; or accept where it is with: "
        f"{doctor} --adopt {name} --reason TEXT",
    )


def _quarantined(facts: Facts, state: State, name: str) -> Iterator[Finding]:
    now = facts.refs.branches.get(name)
    if now is None or not state.is_quarantined(now):
        return
    yield Finding(
        "channel-quarantined",
        name,
        f"What is in {name} is quarantined, so it must not run there.",
        expected="a revision that may go to channels",
        found=_found(facts, name, now),
        advice=f"Take it out with: hubver rollback {facts.repo_id}{_option(facts, name)}; or let it in again with: "
        f"hubver quarantine {facts.repo_id}@{now[:8]} --lift",
    )


def _option(facts: Facts, name: str) -> str:
    """How a command names a channel; the first is production, which needs no naming."""
    return "" if name == facts.channels[0] else f" --channel {name}"


def _found(facts: Facts, name: str, sha: str | None) -> str:
    """Where a branch is, and whether the ledger knows that it was there."""
    if sha is None:
        return "no such branch"
    events = [entry.event for entry in facts.entries if entry.event is not None]
    stays = [release for event in events if (release := event.state.release(name)) is not None and release.sha == sha]
    if stays:
        return f"{short(sha, stays[0].version)}, which was there before"
    named = next((tag for tag, at in sorted(facts.refs.tags.items()) if at == sha and "/" not in tag), None)
    return f"{short(sha, named)}, which the ledger has never had there"
