"""Which commit changed each of many paths last, found in one walk through the history."""

from __future__ import annotations

from collections import defaultdict
from stat import S_ISDIR
from typing import TYPE_CHECKING

from hubver.localhub.repos.repository import get_commit
from hubver.localhub.repos.trees import load_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dulwich.object_store import BaseObjectStore
    from dulwich.objects import Commit, ObjectID

_TREES_IN_MEMORY = 256

_Entries = dict[bytes, tuple[int, "ObjectID"]]


def last_commits(store: BaseObjectStore, start: str, paths: Iterable[str]) -> dict[str, Commit]:
    """The latest commit, from `start` backwards, that changed each path.

    As `git log -1 -- path` does, this follows the first parent in which a path is as it is in the merge.

    Args:
        store: holds the objects.
        start: id of a commit that has all the paths.
        paths: of files or folders.
    """
    trees: dict[ObjectID, _Entries] = {}
    found: dict[str, Commit] = {}
    open_paths = {start: {path: path.encode("utf-8", "surrogateescape").split(b"/") for path in paths}}
    while open_paths:
        oid, wanted = open_paths.popitem()
        commit = get_commit(store, oid)
        parents = [get_commit(store, parent.decode()) for parent in commit.parents]
        same: defaultdict[str, dict[str, list[bytes]]] = defaultdict(dict)
        for path, names in wanted.items():
            here = _entry(store, trees, commit.tree, names)
            unchanged = (p for p in parents if _entry(store, trees, p.tree, names) == here)
            parent = next(unchanged, None)
            if parent is None:
                found[path] = commit
            else:
                same[parent.id.decode()][path] = names
        for parent_oid, rest in same.items():
            open_paths.setdefault(parent_oid, {}).update(rest)
    return found


def _entry(
    store: BaseObjectStore, trees: dict[ObjectID, _Entries], tree: ObjectID, names: list[bytes]
) -> tuple[int, ObjectID] | None:
    """Mode and object id at a path; None if there is nothing. `trees` remembers what has been read."""
    entry: tuple[int, ObjectID] | None = None
    for name in names:
        if entry is not None and not S_ISDIR(entry[0]):
            return None
        if tree not in trees:
            if len(trees) >= _TREES_IN_MEMORY:
                trees.clear()
            trees[tree] = {item.path: (item.mode, item.sha) for item in load_tree(store, tree.decode()).iteritems()}
        entry = trees[tree].get(name)
        if entry is None:
            return None
        tree = entry[1]
    return entry
