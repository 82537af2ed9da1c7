"""The way back: which rollback points a channel has, and which one is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotGated
from hubver.hub.events import Promoted, RolledBack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.hub.events import Release, RollbackPoint
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
    for step in _all(standing, channel):
        if not names(to, step.tag, step.release):
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
    last = None
    while known:
        for position, point in enumerate(known):
            last = point.tag
            yield Step(point.tag, point.release, known[position + 1 :])
        known = _behind(standing, channel, last)
    if last is None and isinstance(change := standing.last_change(channel), RolledBack):
        for point in (known := _behind(standing, channel, change.rollback_tag)):
            yield Step(point.tag, point.release, known[known.index(point) + 1 :])


def _behind(standing: Standing, channel: str, tag: str | None) -> tuple[RollbackPoint, ...]:
    """The points that lead on from one, where an event carries no more: as they were when that one was made."""
    made = False
    for entry in standing.entries() if tag else ():
        if made and entry.event is not None:
            return entry.event.state.points(channel)
        event = entry.event
        made = made or (isinstance(event, Promoted) and event.channel == channel and event.rollback_tag == tag)
    return ()


def _none(standing: Standing, channel: str, to: str | None, skipped: int) -> BadInput:
    repo_id = standing.repo_id
    if to is None and skipped:
        return BadInput(
            f"Every rollback point of {channel} in {repo_id} is quarantined.", hint=f"See: hubver status {repo_id}"
        )
    points = standing.state.points(channel)
    if to is None or not points:
        return BadInput(
            f"There is no rollback point in {repo_id}: {channel} has never replaced anything since it began there.",
            hint=f"See: hubver log {repo_id}",
        )
    return BadInput(
        f"{to!r} is no rollback point of {repo_id}.",
        expected=f"one of {', '.join(point.tag for point in points[:5])}",
        hint=f"A revision that {channel} never left is promoted instead: hubver promote {repo_id}@{to}",
    )
