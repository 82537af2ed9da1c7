"""Shallow clones: where the history that a client has ends, and where it is to end after a fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from dulwich.objects import ObjectID

    from hubver.localhub.git.selection import History


@dataclass(frozen=True)
class Deepening:
    """How much history a client asks for; all of it by default.

    Args:
        depth: commits from each tip on, or with `relative` from where the history of the client ends; None for any number.
        relative: see `depth`.
        since: seconds since 1970; older commits stay out.
        excluded: commits that stay out with their histories.
    """

    depth: int | None = None
    relative: bool = False
    since: int | None = None
    excluded: frozenset[ObjectID] = frozenset()

    def __bool__(self) -> bool:
        return self.depth is not None or self.since is not None or bool(self.excluded)


@dataclass(frozen=True)
class Boundary:
    """What changes of where a client's history ends.

    Args:
        ends: all commits whose parents the client will not have.
        new: those of them that were none before.
        gone: those that were and are no longer.
    """

    ends: frozenset[ObjectID]
    new: frozenset[ObjectID] = frozenset()
    gone: frozenset[ObjectID] = frozenset()


def boundary(
    history: History, tips: Collection[ObjectID], shallow: frozenset[ObjectID], deepening: Deepening
) -> Boundary:
    """Work out where a history ends.

    Args:
        history: of the repo.
        tips: commits that are asked for.
        shallow: where the client's history ends now.
        deepening: what it asks for.

    Raises:
        ValueError: nothing would be left.
    """
    if not deepening:
        return Boundary(shallow)
    if deepening.depth is not None:
        inside, edge = _by_depth(history, tips, shallow, deepening)
    else:
        inside, edge = _by_choice(history, tips, deepening)
    gone = frozenset(shallow & inside)
    return Boundary((shallow - gone) | edge, frozenset(edge - shallow), gone)


def _by_depth(
    history: History, tips: Collection[ObjectID], shallow: frozenset[ObjectID], deepening: Deepening
) -> tuple[set[ObjectID], set[ObjectID]]:
    depth = deepening.depth or 0
    if deepening.relative:
        tips, depth = shallow & history.reach(tips), depth + 1
    depths = history.within(tips, depth)
    edge = {oid for oid, level in depths.items() if level == depth and history.commit(oid).parents}
    return depths.keys() - edge, edge


def _by_choice(
    history: History, tips: Collection[ObjectID], deepening: Deepening
) -> tuple[set[ObjectID], set[ObjectID]]:
    chosen = history.reach(tips, stop=history.reach(deepening.excluded))
    if deepening.since is not None:
        chosen = {oid for oid in chosen if history.commit(oid).commit_time >= deepening.since}
    if not chosen:
        raise ValueError("no commits selected for shallow requests")
    edge = {oid for oid in chosen if not chosen.issuperset(history.commit(oid).parents)}
    return chosen - edge, edge
