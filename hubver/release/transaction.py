"""One change to a channel: decided against what was read, made if that still holds, and finished where it was cut.

The ledger's line is the moment at which a change happens. Where refs move together that is all there is to it. Where
they move one after another, a change may be found half done: whoever comes next finishes it before doing anything else,
and whoever made one looks again afterwards, so that the branch ends where the newest line says.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress
from copy import copy
from typing import TYPE_CHECKING, NoReturn, TypeVar

from hubver.errors import HubFailed, HubverError, StaleRef
from hubver.hub import witness
from hubver.hub.transport.moves import LEDGER, Line, Move
from hubver.hub.transport.way import connect
from hubver.release.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.events import Change
    from hubver.hub.transport.way import Way
    from hubver.settings import Settings

_T = TypeVar("_T")
_TRIES = 8
_PAUSE_S = 0.02


def change(
    hub: Hub, repo_id: str, settings: Settings, attempt: Callable[[Way, Standing], _T], tell: Callable[[str], None]
) -> _T:
    """Run `attempt` against the repository as it stands; again, where something else moved meanwhile.

    Args:
        settings: their channel is what `attempt` decides about: if that moves meanwhile, the decision is void.
        attempt: reads, decides, and calls `carry_out`.
        tell: told of a change of somebody else that was finished first, and of what was moved by other means.

    Raises:
        StaleRef: the channel moved, or the ledger kept moving.
        HubFailed: what others began cannot be finished.
    """
    channel = settings.channel
    refused: StaleRef | None = None
    found: Refs | None = None
    for attempted in range(_TRIES):
        way, standing = settled(hub, repo_id, tell)
        if not attempted:
            _tell_of_others(standing, settings, tell)
        if refused is not None and found is not None:
            # Nothing has moved, so the answer would be the same; once more, since a Hub may show for a moment what was.
            if way.refs == found and attempted > 1:
                raise refused
            if way.refs.branches.get(channel) != found.branches.get(channel):
                return _if_done(way, standing, attempt, refused)
        found = way.refs
        try:
            result = attempt(way, standing)
        except StaleRef as error:
            refused = error
            if attempted:  # many at once come apart
                time.sleep(random.uniform(0, _PAUSE_S * 2**attempted))  # noqa: S311  # no secret
            continue
        if way.in_steps:
            with _sent():
                _, standing = settled(hub, repo_id, tell, way)
            _check_there(standing, channel)
        return result
    raise refused or StaleRef(f"{channel} in {repo_id} kept moving.", hint=f"Look with: hubver status {repo_id}")


def _if_done(way: Way, standing: Standing, attempt: Callable[[Way, Standing], _T], refused: StaleRef) -> _T:
    """What `attempt` finds done already: by its former self, say, that was killed while its question was on the way.

    Raises:
        StaleRef: it would have to write, or may not; but it decided about a channel that has moved since.
    """
    void = copy(way)
    void.carry_out = _refusing(refused)  # type: ignore[method-assign]
    try:
        return attempt(void, standing)
    except HubverError:
        raise refused from None


def _refusing(refused: StaleRef) -> Callable[..., NoReturn]:
    def carry_out(*_: object) -> NoReturn:
        raise refused

    return carry_out


def carry_out(way: Way, event: Change) -> str | None:
    """Write a change into the ledger and move what it moves.

    Returns:
        The ledger commit.

    Raises:
        StaleRef, HubFailed, HubUnreachable: see `hubver.hub.transport`.
    """
    line = Line(event, way.refs.branches.get(LEDGER))
    with _sent():
        if not way.in_steps:
            return way.carry_out(line, moves(way, event))
        sha = way.carry_out(line, [])
        # The line stands, so the change has happened. A ref that is elsewhere now is no refusal: somebody may have
        # finished this change, and gone on from there.
        with suppress(StaleRef):
            way.carry_out(None, moves(way, event))
        return sha


@contextmanager
def _sent() -> Iterator[None]:
    """Have a failure say that a change was on its way."""
    try:
        yield
    except HubFailed as error:
        error.sent = True
        raise


def moves(way: Way, event: Change) -> list[Move]:
    """What a change moves: its channel, then the tags that are not there yet, which say that it is done."""
    missing = [Move(f"refs/tags/{tag}", None, sha) for tag, sha in event.tags.items() if tag not in way.refs.tags]
    now = way.refs.branches.get(event.channel)
    there = [] if now == event.release.sha else [Move(f"refs/heads/{event.channel}", now, event.release.sha)]
    return [*there, *missing]


def settled(hub: Hub, repo_id: str, tell: Callable[[str], None], ours: Way | None = None) -> tuple[Way, Standing]:
    """The repository with nothing half done in it: what others began and did not end is finished first.

    Args:
        tell: told of each change that was finished.
        ours: by which this process has just moved refs.

    Raises:
        HubFailed: what others began cannot be finished.
    """
    moved = dict(ours.moved) if ours else {}
    for _ in range(_TRIES):
        way = connect(hub, repo_id)
        standing = Standing(hub, repo_id, way.refs)
        begun = standing.unfinished() or standing.overrun(moved)
        if begun is None:
            return way, standing
        tell(f"finishing what {begun.actor} began: {begun.title}")
        with suppress(StaleRef):  # somebody else has finished it, or gone on
            way.carry_out(None, moves(way, begun))
        moved |= way.moved
    raise HubFailed(
        f"A change that others began in {repo_id} cannot be finished.", hint=f"See: hubver doctor {repo_id}"
    )


def _check_there(standing: Standing, channel: str) -> None:
    """Raise where the newest line and the branch differ still, and that is not for hubver to put right.

    Raises:
        StaleRef: somebody moved the branch by other means, between the line and the move that follows it.
    """
    if not standing.astray(channel):
        return
    now = standing.refs.branches.get(channel)
    raise StaleRef(
        f"The ledger of {standing.repo_id} has the change, but {channel} was moved by other means at the same time.",
        expected=str(standing.state.release(channel)),
        found=now[:8] if now else "no such branch",
        hint=f"See what can be done about it: hubver doctor {standing.repo_id}",
    )


def _tell_of_others(standing: Standing, settings: Settings, tell: Callable[[str], None]) -> None:
    """Say what was done by other means than hubver. A change goes on from where things are all the same."""
    channel, repo_id = settings.channel, standing.repo_id
    if standing.astray(channel):
        said, now = standing.state.release(channel), standing.at(channel)
        tell(
            f"{channel} was moved by other means than hubver, from {said or 'nothing'} to {now or 'nothing'}; going on "
            f"from there (see: hubver doctor {repo_id})"
        )
    rewritten = witness.warning(settings, repo_id, standing.read, whole=standing.whole)
    if rewritten is not None:
        tell(f"careful: {rewritten}")
