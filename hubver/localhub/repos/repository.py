"""One repo of the Hub: its bare git repo, read by revision and path, and extended by commits and tags."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from dulwich.objects import Blob, Commit, ObjectID, Tag
from dulwich.repo import Repo

from hubver.localhub.errors import conflict, entry_not_found, repo_not_found, revision_not_found
from hubver.localhub.large.pointers import Attributes
from hubver.localhub.listener import Silence
from hubver.localhub.repos import trees
from hubver.localhub.repos.files import sync_folder, write_atomically
from hubver.localhub.repos.locks import RepoLock
from hubver.localhub.repos.objects import DurableObjects
from hubver.localhub.repos.refs import MAIN, RefChange, Refs

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.listener import Listener

Kind = Literal["model", "dataset", "space"]
Gated = Literal["auto", "manual", False]
PREFIXES: dict[Kind, str] = {"model": "", "dataset": "datasets/", "space": "spaces/"}
"""What stands before the id in the address of a repo's page, files and git."""

_FULL_SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,39}")


@dataclass(frozen=True)
class Description:
    """What the Hub knows of a repo beside its git; kept in `repo.json`.

    `created_at` is ISO 8601 in UTC; `sdk` is what a space is written with, which nothing here runs.
    """

    kind: Kind
    id: str
    private: bool
    created_at: str
    gated: Gated = False
    sdk: str | None = None


class Repository:
    """A repo in its folder. Everything that writes holds `lock`; reading needs none."""

    def __init__(self, folder: Path, lock: threading.RLock) -> None:
        self.folder = folder
        self.lock = RepoLock(lock, self._check_still_here)
        self.git_dir = folder / "repo.git"
        self.refs = Refs(self.git_dir)
        self.listener: Listener = Silence()
        self.description = self._read_description()
        self.moved_to: Callable[[], str | None] = lambda: None
        """Answers the id that the repo has got since it was opened, if it has another."""

    def _read_description(self) -> Description:
        return Description(**json.loads((self.folder / "repo.json").read_bytes()))

    def _check_still_here(self) -> None:
        """Take up what has changed while a request waited for the lock.

        Raises:
            HubError: 404 RepoNotFound if the repo was deleted meanwhile, 409 if it was moved.
        """
        if not self.is_here():
            if self.moved_to():
                raise conflict(f"{self.description.id} has just been moved to {self.moved_to()}. Please retry.")
            raise repo_not_found(anonymous=False)
        self.description = self._read_description()

    def is_here(self) -> bool:
        """Whether this very repo is still in its folder: it may be deleted, and another created in its place."""
        try:
            return self._read_description().created_at == self.description.created_at
        except FileNotFoundError:
            return False

    @property
    def namespace(self) -> str:
        """The user or organisation that owns the repo."""
        return self.description.id.partition("/")[0]

    @property
    def url_path(self) -> str:
        """Path of the repo's page: `acme/router`, `datasets/acme/tickets`."""
        return PREFIXES[self.description.kind] + self.description.id

    @staticmethod
    def create(folder: Path, description: Description) -> None:
        """Write an empty repo into the existing `folder`."""
        git_dir = folder / "repo.git"
        git_dir.mkdir()
        Repo.init_bare(str(git_dir), default_branch=b"main").close()
        _write_description(folder, description)

    def describe(self, description: Description) -> None:
        """Replace what is known of the repo beside its git. The caller holds the lock."""
        _write_description(self.folder, description)
        self.description = description

    @contextmanager
    def open(self) -> Iterator[Repo]:
        """Open the git repo for one request: dulwich's pack readers must not be shared between threads."""
        repo = Repo(str(self.git_dir), object_store=DurableObjects(self.git_dir / "objects"))
        try:
            yield repo
        finally:
            repo.close()

    @contextmanager
    def objects(self) -> Iterator[BaseObjectStore]:
        """Open the object store for one request."""
        with self.open() as repo:
            yield repo.object_store

    def resolve(self, revision: str) -> str:
        """Answer the commit that a branch, tag, full ref name or commit id (7 digits at least) stands for.

        Raises:
            HubError: 404 RevisionNotFound.
        """
        refs = self.refs.read()
        # The JavaScript client says HEAD where it is told nothing.
        head = [MAIN] if revision == "HEAD" else []
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision, *head):
            if name in refs:
                return refs[name].commit
        with self.objects() as store:
            if _FULL_SHA.fullmatch(revision):
                candidates = [revision] if ObjectID(revision.encode()) in store else []
            elif _SHORT_SHA.fullmatch(revision):
                candidates = [oid.decode() for oid in store.iter_prefix(revision.encode())]
            else:
                candidates = []
            commits = {oid for oid in candidates if isinstance(store[ObjectID(oid.encode())], Commit)}
        if len(commits) != 1:
            raise revision_not_found(revision)
        return commits.pop()

    def entry(self, store: BaseObjectStore, commit: str, path: str) -> trees.Entry:
        """Find a file or folder.

        Raises:
            HubError: 404 EntryNotFound.
        """
        entry = trees.find(store, tree_of(store, commit), path)
        if entry is None:
            raise entry_not_found(path, commit)
        return entry

    def attributes(self, store: BaseObjectStore, commit: str) -> Attributes:
        """The `.gitattributes` of a commit."""
        entry = trees.find(store, tree_of(store, commit), ".gitattributes")
        return Attributes(read_blob(store, entry.oid) if entry else b"")

    def move(self, changes: list[RefChange], store: BaseObjectStore, *, quietly: bool = False) -> None:
        """Move refs together, by compare-and-swap; see `Refs.update`. The caller holds the lock.

        Args:
            changes: all are made, or none.
            store: the repo's objects.
            quietly: tell the listener nothing.
        """
        # Packs are renamed into place by dulwich and by `Quarantine`; the names of loose objects are synced already.
        sync_folder(self.git_dir / "objects" / "pack")
        self.refs.update(changes, lambda oid: peel(store, oid))
        if not quietly:
            self.listener.refs_moved(self, changes)


def _write_description(folder: Path, description: Description) -> None:
    write_atomically(folder / "repo.json", json.dumps(asdict(description), indent=1).encode())


def get_commit(store: BaseObjectStore, oid: str) -> Commit:
    """Read a commit.

    Raises:
        HubError: 404 RevisionNotFound if there is none of that id.
    """
    try:
        commit = store[ObjectID(oid.encode())]
    except KeyError:
        raise revision_not_found(oid) from None
    if not isinstance(commit, Commit):
        raise revision_not_found(oid)
    return commit


def tree_of(store: BaseObjectStore, commit: str) -> str:
    """Object id of a commit's tree."""
    tree: ObjectID = get_commit(store, commit).tree
    return tree.decode()


def read_blob(store: BaseObjectStore, oid: str) -> bytes:
    """Content of a file that is kept in git."""
    return store[ObjectID(oid.encode())].as_raw_string()


def write_blob(store: BaseObjectStore, content: bytes) -> str:
    """Store a file's content and answer its object id."""
    blob = Blob.from_string(content)
    store.add_object(blob)
    return str(blob.id.decode())


def peel(store: BaseObjectStore, oid: str) -> str:
    """Follow annotated tags to what they name."""
    name = ObjectID(oid.encode())
    while isinstance(found := store[name], Tag):
        name = ObjectID(found.object[1])
    return name.decode()


def _identity(name: str) -> bytes:
    return f"{name} <{name}@users.noreply.localhub>".encode()


def write_commit(store: BaseObjectStore, tree: str, parents: list[str], author: str, message: str) -> str:
    """Store a commit, dated now, and answer its object id. No ref moves."""
    commit = Commit()
    commit.tree = ObjectID(tree.encode())
    commit.parents = [ObjectID(parent.encode()) for parent in parents]
    commit.author = commit.committer = _identity(author)
    commit.author_time = commit.commit_time = int(time.time())
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = message.encode()
    store.add_object(commit)
    return str(commit.id.decode())


def write_tag(store: BaseObjectStore, name: str, commit: str, author: str, message: str) -> str:
    """Store an annotated tag object and answer its object id. No ref moves."""
    tag = Tag()
    tag.name = name.encode()
    tag.object = (Commit, ObjectID(commit.encode()))
    tag.tagger = _identity(author)
    tag.tag_time = int(time.time())
    tag.tag_timezone = 0
    tag.message = f"{message}\n".encode()
    store.add_object(tag)
    return str(tag.id.decode())
