"""How many commits lead to a revision, which every page of a list of commits says.

A commit's history never changes, so what has been counted stays true, and a commit that follows one whose number is known
costs one step. Without that, each page of a ledger of some thousand events would read all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dulwich.objects import ObjectID

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore

_MOST_KNOWN = 4096


class Lengths:
    """The numbers that have been counted so far, of any repo."""

    def __init__(self) -> None:
        self._known: dict[ObjectID, int] = {}

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
                self._keep(oid, _reachable(store, oid))
                break
            steps += 1
            oid = parents[0]
        length = steps + self._known[oid]
        self._keep(tip, length)
        return length

    def _keep(self, oid: ObjectID, length: int) -> None:
        self._known[oid] = length
        while len(self._known) > _MOST_KNOWN:
            self._known.pop(next(iter(self._known)), None)


def skip(store: BaseObjectStore, sha: str, steps: int) -> tuple[ObjectID, int]:
    """Go back along a history as far as it does not branch, by the headers of its commits alone.

    Returns:
        The commit that is reached, and how many steps are left from there.

    Raises:
        KeyError: a commit is not in the store.
    """
    oid = ObjectID(sha.encode())
    while steps:
        parents = _parents(store, oid)
        if len(parents) != 1:
            break
        oid, steps = parents[0], steps - 1
    return oid, steps


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
