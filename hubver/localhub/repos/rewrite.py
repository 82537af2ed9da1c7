"""History without certain large files: every commit that has one is written anew, and with it all that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dulwich.objects import Commit, ObjectID, Tag
from dulwich.walk import ORDER_TOPO

from hubver.localhub.large.pointers import parse_pointer
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import RefChange
from hubver.localhub.repos.repository import Repository, read_blob, tree_of

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from dulwich.repo import Repo


def forget(repo: Repository, git: Repo, oids: set[str]) -> None:
    """Remove the pointers to these LFS objects from all history, and move every ref. The caller holds the lock."""
    store, refs = git.object_store, repo.refs.read()
    tips = [ObjectID(value.commit.encode()) for value in refs.values()]
    anew: dict[ObjectID, ObjectID] = {}
    for entry in git.get_walker(include=tips, order=ORDER_TOPO, reverse=True):
        commit = entry.commit
        tree = _without(store, tree_of(store, commit.id.decode()), oids)
        parents = [anew[parent] for parent in commit.parents]
        if tree != commit.tree or parents != commit.parents:
            copy = commit.copy()
            if not isinstance(copy, Commit):
                raise TypeError("The copy of a commit is a commit")
            copy.tree, copy.parents = tree, parents
            store.add_object(copy)
            anew[commit.id] = copy.id
        else:
            anew[commit.id] = commit.id
    changes = [
        RefChange(name, value.target, _retagged(store, ObjectID(value.target.encode()), anew).decode())
        for name, value in refs.items()
    ]
    repo.move([change for change in changes if change.old != change.new], store)


def _without(store: BaseObjectStore, tree: str, oids: set[str]) -> ObjectID:
    gone = []
    for entry in trees.walk(store, tree):
        pointer = None if entry.is_folder else parse_pointer(read_blob(store, entry.oid))
        if pointer and pointer.oid in oids:
            gone.append(entry.path)
    return ObjectID((trees.edit(store, tree, dict.fromkeys(gone)) if gone else tree).encode())


def _retagged(store: BaseObjectStore, target: ObjectID, anew: dict[ObjectID, ObjectID]) -> ObjectID:
    """What a ref is to lead to; annotated tags are written anew too."""
    found = store[target]
    if not isinstance(found, Tag):
        return anew[target]
    kind, named = found.object
    renamed = _retagged(store, named, anew)
    if renamed == named:
        return target
    copy = found.copy()
    if not isinstance(copy, Tag):
        raise TypeError("The copy of a tag is a tag")
    copy.object = (kind, renamed)
    store.add_object(copy)
    return copy.id
