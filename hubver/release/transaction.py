"""One change to a channel: decided against what was read, made if that still holds, and finished where it was cut.

The ledger's line is the moment at which a change happens. Where refs move together that is all there is to it. Where
they move one after another, a change may be found half done: whoever comes next finishes it before doing anything else,
and whoever made one looks again afterwards, so that the branch ends where the newest line says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hubver.errors import HubFailed, StaleRef
from hubver.hub.transport.moves import LEDGER, Line, Move
from hubver.hub.transport.way import connect
from hubver.release.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.client import Hub
    from hubver.hub.events import Change
    from hubver.hub.transport.way import Way

_T = TypeVar("_T")
_TRIES = 8


def change(
    hub: Hub, repo_id: str, channel: str, attempt: Callable[[Way, Standing], _T], tell: Callable[[str], None]
) -> _T:
    """Run `attempt` against the repository as it stands; again, where something else moved meanwhile.

    Args:
        channel: what `attempt` decides about: if that moves meanwhile, the decision is void.
        attempt: reads, decides, and calls `carry_out`.
        tell: told of a change of somebody else that was finished first.

    Raises:
        StaleRef: the channel moved, or the ledger kept moving.
        HubFailed: what others began cannot be finished.
    """
    refused: StaleRef | None = None
    found = ""
    for _ in range(_TRIES):
        way, standing = _settled(hub, repo_id, tell)
        now = str(standing.refs.branches.get(channel))
        if refused is not None and now != found:
            raise refused
        found = now
        try:
            result = attempt(way, standing)
        except StaleRef as error:
            refused = error
            continue
        if way.in_steps:
            _settled(hub, repo_id, tell)
        return result
    raise refused or StaleRef(f"{channel} in {repo_id} kept moving.", hint=f"Look with: hubver status {repo_id}")


def carry_out(way: Way, event: Change) -> str | None:
    """Write a change into the ledger and move what it moves.

    Returns:
        The ledger commit.

    Raises:
        StaleRef, HubFailed, HubUnreachable: see `hubver.hub.transport`.
    """
    return way.carry_out(Line(event, way.refs.branches.get(LEDGER)), moves(way, event))


def moves(way: Way, event: Change) -> list[Move]:
    """What a change moves: its channel, then the tags that are not there yet, which say that it is done."""
    missing = [Move(f"refs/tags/{tag}", None, sha) for tag, sha in event.tags.items() if tag not in way.refs.tags]
    now = way.refs.branches.get(event.channel)
    there = [] if now == event.release.sha else [Move(f"refs/heads/{event.channel}", now, event.release.sha)]
    return [*there, *missing]


def _settled(hub: Hub, repo_id: str, tell: Callable[[str], None]) -> tuple[Way, Standing]:
    """The repository with nothing half done in it."""
    for _ in range(_TRIES):
        way = connect(hub, repo_id)
        standing = Standing(hub, repo_id, way.refs)
        begun = standing.unfinished()
        if begun is None:
            return way, standing
        tell(f"finishing what {begun.actor} began: {begun.title}")
        try:
            way.carry_out(None, moves(way, begun))
        except StaleRef:
            continue  # somebody else has finished it, or gone on
    raise HubFailed(
        f"A change that others began in {repo_id} cannot be finished.", hint=f"See: hubver doctor {repo_id}"
    )
