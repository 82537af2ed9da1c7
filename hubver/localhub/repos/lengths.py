"""How many commits lead to a revision, which every page of a list of commits says, and where its pages begin.

A commit's history never changes, so what has been counted stays true, and a commit that follows one whose number is known
costs one step. Without that, each page of a ledger of some thousand events would read all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dulwich.objects import ObjectID

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore

_MOST_KNOWN = 4096
_T = TypeVar("_T")


class Lengths:
    """What has been counted so far, of any repo.

    Args:
        stride: how many commits lie between those that are remembered on the way back.
    """

    def __init__(self, stride: int = 256) -> None:
        self._stride = stride
        self._known: dict[ObjectID, int] = {}
        self._strides: dict[ObjectID, ObjectID] = {}

    def of(self, store: BaseObjectStore, sha: str) -> int:
        """The number of commits that are reachable from this one, itself among them.

        Raises:
            KeyError: one of them is not in the store.
        """
        tip = oid = ObjectID(sha.encode())
        steps = 0
        while oid not in self._known:
            parents = _parents(store, oid)
            if len(parents) != 1:
                # Below a merge the ways may meet again, so the sum over its parents would count some commits twice.
                _keep(self._known, oid, _reachable(store, oid))
                break
            steps += 1
            oid = parents[0]
        length = steps + self._known[oid]
        _keep(self._known, tip, length)
        return length

    def skip(self, store: BaseObjectStore, sha: str, steps: int) -> tuple[ObjectID, int]:
        """Go back along a history as far as it does not branch, by the headers of its commits alone.

        Returns:
            The commit that is reached, and how many steps are left from there.

        Raises:
            KeyError: a commit is not in the store.
        """
        start, walked = ObjectID(sha.encode()), 0
        oid = start
        while steps:
            if not walked and steps >= self._stride and oid in self._strides:
                start = oid = self._strides[oid]
                steps -= self._stride
                continue
            parents = _parents(store, oid)
            if len(parents) != 1:
                break
            oid, steps, walked = parents[0], steps - 1, walked + 1
            if walked == self._stride:
                _keep(self._strides, start, oid)
                start, walked = oid, 0
        return oid, steps


def _keep(known: dict[ObjectID, _T], oid: ObjectID, value: _T) -> None:
    known[oid] = value
    while len(known) > _MOST_KNOWN:
        known.pop(next(iter(known)), None)


def _reachable(store: BaseObjectStore, oid: ObjectID) -> int:
    found: set[ObjectID] = set()
    todo = [oid]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += _parents(store, one)
    return len(found)


def _parents(store: BaseObjectStore, oid: ObjectID) -> list[ObjectID]:
    """The parents in a commit's header, without reading its message, which in a ledger is long."""
    header = store.get_raw(oid)[1].partition(b"\n\n")[0]
    return [ObjectID(line[7:]) for line in header.split(b"\n") if line.startswith(b"parent ")]
