"""Git trees by path: reading them, changing them, and merging three of them."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dulwich.objects import ObjectID, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dulwich.object_store import BaseObjectStore

FILE_MODE = 0o100644
FOLDER_MODE = 0o040000


@dataclass(frozen=True)
class Entry:
    """One entry of a tree: its path from the root of the repo, git mode and object id in hex."""

    path: str
    mode: int
    oid: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a tree; everything else is a file to the Hub."""
        return stat.S_ISDIR(self.mode)


def load_tree(store: BaseObjectStore, oid: str) -> Tree:
    """Read a tree object."""
    tree = store[ObjectID(oid.encode())]
    if not isinstance(tree, Tree):
        raise TypeError(f"{oid} is not a tree")
    return tree


def walk(store: BaseObjectStore, tree: str, folder: str = "", *, recursive: bool = True) -> Iterator[Entry]:
    """List a tree in git's order, each folder before what is in it.

    Args:
        store: holds the objects.
        tree: object id of the tree.
        folder: path of that tree in its repo, put before each name.
        recursive: go into folders.
    """
    for item in load_tree(store, tree).iteritems():
        name = item.path.decode("utf-8", "surrogateescape")
        entry = Entry(f"{folder}/{name}" if folder else name, item.mode, item.sha.decode())
        yield entry
        if recursive and entry.is_folder:
            yield from walk(store, entry.oid, entry.path)


def find(store: BaseObjectStore, tree: str, path: str) -> Entry | None:
    """Look one path up; None if there is nothing. The empty path is the tree itself."""
    entry = Entry("", FOLDER_MODE, tree)
    for name in path.split("/") if path else ():
        if not entry.is_folder:
            return None
        try:
            mode, oid = load_tree(store, entry.oid)[name.encode()]
        except KeyError:
            return None
        entry = Entry(f"{entry.path}/{name}" if entry.path else name, mode, oid.decode())
    return entry


def edit(store: BaseObjectStore, tree: str | None, changes: Mapping[str, tuple[int, str] | None]) -> str:
    """Write the tree that results from `changes` and answer its object id.

    Args:
        store: takes the new trees; only folders with a change in them are written.
        tree: where to start; None for nothing.
        changes: new mode and object id by path; None removes the file or folder. A file takes the place of a folder of
            the same name, and a folder that of a file.
    """
    edited = _edited(store, tree, changes)
    store.add_object(edited)
    return edited.id.decode()


def _edited(store: BaseObjectStore, tree: str | None, changes: Mapping[str, tuple[int, str] | None]) -> Tree:
    entries = {item.path: (item.mode, item.sha) for item in load_tree(store, tree).iteritems()} if tree else {}
    inside: dict[bytes, dict[str, tuple[int, str] | None]] = {}
    for path, value in changes.items():
        name, _, rest = path.partition("/")
        if rest:
            inside.setdefault(name.encode(), {})[rest] = value
        elif value is not None:
            entries[name.encode()] = (value[0], ObjectID(value[1].encode()))
        else:
            entries.pop(name.encode(), None)
    for folder, below in inside.items():
        mode, oid = entries.get(folder, (0, None))
        start = oid.decode() if oid and stat.S_ISDIR(mode) else None
        if start is None and not any(below.values()):
            continue  # removals below something that is no folder
        edited = _edited(store, start, below)
        if len(edited):
            store.add_object(edited)
            entries[folder] = (FOLDER_MODE, edited.id)
        else:
            entries.pop(folder, None)  # git keeps no empty folders
    result = Tree()
    for entry, (mode, oid) in entries.items():
        result[entry] = (mode, oid)
    return result


def files(store: BaseObjectStore, tree: str | None) -> dict[str, tuple[int, str]]:
    """Mode and object id of every file by path; nothing for None."""
    return {e.path: (e.mode, e.oid) for e in walk(store, tree) if not e.is_folder} if tree else {}


@dataclass(frozen=True)
class Merge:
    """What bringing `theirs` into `ours` means: the changes to make, and the paths that both changed differently."""

    changes: dict[str, tuple[int, str] | None]
    conflicts: list[str]


def merge(store: BaseObjectStore, base: str | None, ours: str, theirs: str) -> Merge:
    """Merge trees file by file; lines within a file are never merged."""
    old, mine, new = files(store, base), files(store, ours), files(store, theirs)
    changed = {path: new.get(path) for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)}
    conflicts = [p for p in changed if mine.get(p) not in (old.get(p), new.get(p))]
    return Merge({p: value for p, value in changed.items() if mine.get(p) != value}, conflicts)
