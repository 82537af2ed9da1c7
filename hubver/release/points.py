"""The way back: which rollback points a channel has, and which one is meant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotGated
from hubver.hub.events import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.hub.events import Release, RollbackPoint
    from hubver.hub.ledger import Entry
    from hubver.release.standing import Standing


@dataclass(frozen=True)
class Step:
    """One step back.

    Attributes:
        tag: the rollback point; None for what the ledger knew there before the branch was moved by other means.
        release: what it leads to.
        further: the points that lead further back from there.
    """

    tag: str | None
    release: Release
    further: tuple[RollbackPoint, ...]


def names(to: str | None, tag: str | None, release: Release) -> bool:
    """Whether what a user wrote means this point; where nothing was written, any."""
    return to is None or to in (tag, release.version, release.sha)


def choose(standing: Standing, channel: str, to: str | None) -> Step:
    """The step back that is meant: the newest that is not quarantined, or the one that is named.

    Args:
        to: a rollback tag, or the version or sha that one keeps; None for the newest.

    Raises:
        BadInput: there is no such rollback point, or none at all.
        NotGated: the one that is named is quarantined.
    """
    skipped = 0
    now = standing.refs.branches.get(channel)
    for step in _all(standing, channel):
        # A point that keeps what is there now, which a quarantine in between may lead to, is no way anywhere.
        if not names(to, step.tag, step.release) or step.release.sha == now:
            continue
        if not standing.state.is_quarantined(step.release.sha):
            return step
        if to is not None:
            raise NotGated(
                f"{step.release} is quarantined, so {channel} does not go back to it.",
                hint=f"Lift that with: hubver quarantine {standing.repo_id}@{step.release} --lift",
            )
        skipped += 1
    raise _none(standing, channel, to, skipped)


def _all(standing: Standing, channel: str) -> Iterator[Step]:
    state = standing.state_at(channel)
    if state is None:
        # Somebody moved the branch to where the ledger never knew it: back to where it should be is a step, too.
        state = standing.state
        release = state.release(channel)
        if release is not None:
            yield Step(None, release, state.points(channel))
    known = state.points(channel)
    entries = standing.entries()
    while known:
        older: tuple[RollbackPoint, ...] = ()
        for position, point in enumerate(known):
            further = known[position + 1 :]
            if not further:
                # An event carries ten. What leads on from the last is found now, so that no state forgets the way.
                older, entries = _behind(entries, channel, point.tag)
            yield Step(point.tag, point.release, further or older)
        known = older


def _behind(entries: Iterator[Entry], channel: str, tag: str) -> tuple[tuple[RollbackPoint, ...], Iterator[Entry]]:
    """The points that were there before one was made, and the entries from there on."""
    made = False
    for entry in entries:
        event = entry.event
        if made and event is not None:
            return event.state.points(channel), chain((entry,), entries)
        made = made or (isinstance(event, Change) and event.channel == channel and tag in event.tags)
    return (), entries


def _none(standing: Standing, channel: str, to: str | None, skipped: int) -> BadInput:
    repo_id = standing.repo_id
    now = standing.at(channel)
    if to is None and skipped:
        return BadInput(
            f"Every rollback point of {channel} in {repo_id} is quarantined.", hint=f"See: hubver status {repo_id}"
        )
    if to is not None and now is not None and names(to, None, now):
        return BadInput(f"{now} is in {channel} in {repo_id} now.", hint=f"See: hubver status {repo_id}")
    points = standing.state.points(channel)
    if to is None or not points:
        return BadInput(
            f"There is no rollback point in {repo_id}: {channel} has never replaced anything since it began there.",
            hint=f"See: hubver log {repo_id}",
        )
    elsewhere = "" if channel == "production" else f" --to {channel}"
    return BadInput(
        f"{to!r} is no rollback point of {channel} in {repo_id}.",
        expected=f"one of {', '.join(point.tag for point in points[:5])}",
        hint=f"A revision that {channel} never left is promoted instead: hubver promote {repo_id}@{to}{elsewhere}",
    )
