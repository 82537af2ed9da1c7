"""What a fetch gets: the objects that lead from what a client has to what it wants, without what it asks to leave out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from stat import S_ISDIR
from typing import TYPE_CHECKING

from dulwich.objects import Commit, ObjectID, Tag, Tree

from hubver.localhub.repos import trees

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator

    from dulwich.object_store import BaseObjectStore

_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True)
class Filter:
    """What a partial clone leaves out, as `git rev-list --filter` has it; what is asked for by its id comes all the same.

    Args:
        blob_limit: only files smaller than this come, in bytes; None for all.
        depth: only trees and files less deep than this come, where a commit's own tree is at 0; None for all.
    """

    blob_limit: int | None = None
    depth: int | None = None

    @staticmethod
    def parse(spec: str) -> Filter:
        """Read a filter.

        Raises:
            ValueError: it is malformed, or of a kind that is not known here.
        """
        kind, _, value = spec.partition(":")
        if spec == "blob:none":
            return Filter(blob_limit=0)
        if kind == "blob" and value.startswith("limit="):
            number, unit = value[len("limit=") :], 1
            if number[-1:].lower() in _UNITS:
                number, unit = number[:-1], _UNITS[number[-1].lower()]
            return Filter(blob_limit=_whole(number) * unit)
        if kind == "tree":
            return Filter(depth=_whole(value))
        if kind == "combine":
            parts = [Filter.parse(part.replace("%3A", ":").replace("%3a", ":")) for part in value.split("+")]
            return Filter(_least(part.blob_limit for part in parts), _least(part.depth for part in parts))
        raise ValueError(f"unknown filter {spec!r}")

    def takes_blob(self, store: BaseObjectStore, oid: ObjectID) -> bool:
        """Whether a file comes, as far as its size goes."""
        return self.blob_limit is None or (self.blob_limit > 0 and len(store[oid].as_raw_string()) < self.blob_limit)

    def reaches(self, depth: int) -> bool:
        """Whether things at this depth come."""
        return self.depth is None or depth < self.depth


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"not a number: {text!r}")
    return int(text)


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


class History:
    """The commits of a repo, each read once in the lifetime of this object."""

    def __init__(self, store: BaseObjectStore) -> None:
        self.store = store
        self._commits: dict[ObjectID, Commit] = {}

    def commit(self, oid: ObjectID) -> Commit:
        """Read a commit.

        Raises:
            KeyError: it is not there, or no commit.
        """
        if oid not in self._commits:
            found = self.store[oid]
            if not isinstance(found, Commit):
                raise KeyError(oid)
            self._commits[oid] = found
        return self._commits[oid]

    def reach(
        self, tips: Iterable[ObjectID], stop: Container[ObjectID] = (), ends: Container[ObjectID] | BaseObjectStore = ()
    ) -> set[ObjectID]:
        """The commits reachable from `tips`, without `stop` and what is only behind it, nor what is only behind `ends`."""
        found: set[ObjectID] = set()
        todo = list(tips)
        while todo:
            oid = todo.pop()
            if oid not in found and oid not in stop:
                found.add(oid)
                todo += self.commit(oid).parents if oid not in ends else ()
        return found

    def all_lead_to(self, tips: Collection[ObjectID], goals: Collection[ObjectID]) -> bool:
        """Whether each of `tips` has one of `goals` in its history or is one."""
        between = self.reach(tips, stop=goals)
        children: dict[ObjectID, list[ObjectID]] = {}
        for oid in between:
            for parent in self.commit(oid).parents:
                children.setdefault(parent, []).append(oid)
        leading, todo = set(goals), list(goals)
        while todo:
            new = [child for child in children.get(todo.pop(), ()) if child not in leading]
            leading.update(new)
            todo += new
        return leading.issuperset(tips)

    def within(self, tips: Iterable[ObjectID], depth: int) -> dict[ObjectID, int]:
        """The commits at most `depth` steps of history deep, with their depth; `tips` are at 1."""
        depths: dict[ObjectID, int] = {}
        todo = deque((oid, 1) for oid in tips)
        while todo:
            oid, level = todo.popleft()
            if oid not in depths:
                depths[oid] = level
                todo.extend((parent, level + 1) for parent in self.commit(oid).parents if level < depth)
        return depths


@dataclass(frozen=True)
class Want:
    """What the ids that a client asks for lead to.

    Args:
        commits: those named, also through tags.
        others: tags, trees and files named.
    """

    commits: frozenset[ObjectID]
    others: frozenset[ObjectID]

    @staticmethod
    def of(store: BaseObjectStore, oids: Iterable[ObjectID]) -> Want:
        """Sort ids.

        Raises:
            KeyError: the first that is not in the store.
        """
        commits: set[ObjectID] = set()
        others: set[ObjectID] = set()
        for oid in oids:
            target = oid
            while isinstance(found := store[target], Tag):
                others.add(target)
                target = ObjectID(found.object[1])
            (commits if isinstance(found, Commit) else others).add(target)
        return Want(frozenset(commits), frozenset(others))


def objects_between(
    history: History, has: set[ObjectID], commits: set[ObjectID], want: Want, leave_out: Filter
) -> list[ObjectID]:
    """Every object a client needs for `commits` and for what else it wants.

    Args:
        history: of the repo.
        has: commits that the client has with all that belongs to them.
        commits: those it is to get.
        want: what it asked for.
        leave_out: what it does not want of them.
    """
    store = history.store
    edges = {parent for oid in commits for parent in history.commit(oid).parents if parent in has}
    seen: dict[ObjectID, int] = {}
    for oid in edges | (want.commits & has):
        for entry in trees.walk(store, history.commit(oid).tree.decode()):
            seen[ObjectID(entry.oid.encode())] = -1
        seen[history.commit(oid).tree] = -1
    found = dict.fromkeys([*commits, *want.others])
    for oid in commits:
        found |= dict.fromkeys(_below(store, history.commit(oid).tree, leave_out, seen))
    for oid in want.others:
        if isinstance(store[oid], Tree):
            found |= dict.fromkeys(_below(store, oid, leave_out, seen))
    return list(found)


def _below(store: BaseObjectStore, root: ObjectID, leave_out: Filter, seen: dict[ObjectID, int]) -> Iterator[ObjectID]:
    """The trees and files under a tree, itself among them; those `seen` no deeper than here are passed over."""
    todo = [(root, True, 0)]
    while todo:
        oid, is_tree, depth = todo.pop()
        if not leave_out.reaches(depth) or seen.get(oid, depth + 1) <= depth:
            continue
        seen[oid] = depth
        if is_tree:
            yield oid
            below = trees.load_tree(store, oid.decode())
            todo += [(item.sha, S_ISDIR(item.mode), depth + 1) for item in below.iteritems()]
        elif leave_out.takes_blob(store, oid):
            yield oid
