"""A Hub's folder: every repo, large file and discussion, in forms that git and a text editor can read.

```
root/
  lock                      held while a server runs on this folder
  tokens.json               users by token (mode 0600)
  webhooks.json             who wants to be told what
  moved.json                where repos are now, by the names they had
  lfs/ab/cd/<sha256>        large files, shared by all repos
  xet/                      large files in chunks, shared by all repos (`xet.store` shows its layout)
  tmp/                      uploads that are still arriving; emptied at the start
  models/acme/router/       one folder for each repo; datasets/ and spaces/ likewise
    repo.json               id, private, gated, created_at; of a space its sdk
    access.json             who asked to pass the gate
    repo.git/               a bare git repo; all refs are in packed-refs, large files are LFS pointers
    large/<sha256>          which of the large files are this repo's, with a path each
    discussions/7.json      discussion or pull request 7 with its events; a pull request's commits are refs/pr/7
```
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.localhub.errors import bad_request, conflict
from hubver.localhub.large import pointers
from hubver.localhub.large.lfs_store import LfsStore
from hubver.localhub.listener import Silence
from hubver.localhub.repos import trees
from hubver.localhub.repos.files import make_folders, sync_all, sync_folder, write_atomically
from hubver.localhub.repos.refs import MAIN, RefChange
from hubver.localhub.repos.repository import Description, Kind, Repository, write_blob, write_commit
from hubver.localhub.xet.store import XetStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubver.localhub.listener import Listener

_NAME = re.compile(r"(?!.*(--|\.\.))(?!.*\.git$)[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")


def now() -> str:
    """The time as the Hub writes it: UTC with milliseconds and a Z."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """The repos under `root`. One process uses a root at a time; the server sees to that."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / "tmp"
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        self.xet = XetStore(root / "xet", self._temporary)
        self.lfs = LfsStore(root / "lfs", self._temporary, self.xet)
        self._locks: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)
        self.listener: Listener = Silence()
        self._creation = threading.Lock()
        moved = root / "moved.json"
        self._moved: dict[str, str] = json.loads(moved.read_bytes()) if moved.exists() else {}

    def _folder(self, kind: Kind, repo_id: str) -> Path:
        return self._root / f"{kind}s" / repo_id

    def get(self, kind: Kind, repo_id: str) -> Repository | None:
        """Answer a repo, also by its name in other case, and by one that it had before and no other repo has.

        None if there is none.
        """
        parts = repo_id.split("/")
        if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
            return None
        for find in (self._folder, self._in_any_case, self._moved_to):
            folder = find(kind, repo_id)
            if folder:
                with suppress(FileNotFoundError):
                    return self._open(folder)
        return None

    def _in_any_case(self, kind: Kind, repo_id: str) -> Path | None:
        """The folder of the repo whose id differs at most in case."""
        owner, _, name = repo_id.lower().partition("/")
        owned = (found for found in _entries(self._root / f"{kind}s") if found.name.lower() == owner)
        return next((repo for found in owned for repo in _entries(found) if repo.name.lower() == name), None)

    def _moved_to(self, kind: Kind, repo_id: str) -> Path | None:
        now_at = self._moved.get(f"{kind}s/{repo_id}")
        return self._folder(kind, now_at) if now_at else None

    def _open(self, folder: Path) -> Repository:
        repo = Repository(folder, self._locks[folder])
        repo.listener = self.listener
        name = f"{repo.description.kind}s/{repo.description.id}"
        former = self._moved.get(name)  # of another repo, which had this name before
        repo.moved_to = lambda: None if self._moved.get(name) == former else self._moved[name]
        return repo

    def list(self, kind: Kind) -> Iterator[Repository]:
        """All repos of a kind, by id."""
        for file in sorted((self._root / f"{kind}s").glob("*/*/repo.json")):
            repo = self.get(kind, f"{file.parent.parent.name}/{file.parent.name}")
            if repo:
                yield repo

    def create(
        self,
        kind: Kind,
        repo_id: str,
        *,
        private: bool,
        author: str,
        sdk: str | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Repository:
        """Create a repo with the Hub's `initial commit` by `author`, complete or not at all.

        Args:
            kind: of repo.
            repo_id: its name.
            private: whether only its owner may see it.
            author: of the first commit.
            sdk: of a space.
            files: in the first commit; they go before those of the same names that the Hub writes.

        Raises:
            HubError: 400 for a name that the Hub does not allow, 409 if the repo exists.
        """
        _check_name(repo_id)
        folder = self._folder(kind, repo_id)
        make_folders(folder.parent)
        building = Path(tempfile.mkdtemp(dir=self._temporary))
        Repository.create(building, Description(kind, repo_id, private, now(), sdk=sdk))
        (building / "discussions").mkdir()
        _write_initial_commit(Repository(building, threading.RLock()), author, files or {})
        with self._creation:
            if self._in_any_case(kind, repo_id):
                shutil.rmtree(building)
                raise conflict(f"You already created this {kind} repo: {repo_id}")
            building.chmod(0o755)
            sync_all(building)
            building.rename(folder)
            sync_folder(folder.parent)
        return self._open(folder)

    def move(self, repo: Repository, repo_id: str) -> Repository:
        """Give a repo another id, remember the one it had, and answer it.

        Raises:
            HubError: 400 for a name that the Hub does not allow, 409 if a repo has it.
        """
        kind, old = repo.description.kind, f"{repo.description.kind}s/{repo.description.id}"
        _check_name(repo_id)
        folder = self._folder(kind, repo_id)
        make_folders(folder.parent)
        with repo.lock, self._creation:
            if self._in_any_case(kind, repo_id) not in {None, repo.folder} or folder == repo.folder:
                raise conflict(f"A {kind} repository called {repo_id} already exists")
            # The list of names first: a crash after it leaves a name that leads nowhere, and after the next step an
            # old id in `repo.json`, which still leads here.
            led_here = [
                name
                for name, now_at in self._moved.items()
                if name.startswith(f"{kind}s/") and now_at == repo.description.id
            ]
            self._moved |= dict.fromkeys([*led_here, old], repo_id)
            write_atomically(self._root / "moved.json", json.dumps(self._moved, indent=1).encode())
            repo.folder.rename(folder)
            sync_folder(repo.folder.parent)
            moved = self._open(folder)
            moved.describe(replace(moved.description, id=repo_id))
            return moved

    def delete(self, repo: Repository) -> None:
        """Remove a repo; its large files stay, because other repos may hold them too."""
        with repo.lock:
            grave = self._temporary / f"deleted-{os.urandom(8).hex()}"
            repo.folder.rename(grave)
            sync_folder(repo.folder.parent)
        shutil.rmtree(grave, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _check_name(repo_id: str) -> None:
    if repo_id.count("/") != 1 or not all(_NAME.fullmatch(part) for part in repo_id.split("/")):
        raise bad_request(f"Invalid repo name: {repo_id}")


def _write_initial_commit(repo: Repository, author: str, more: Mapping[str, bytes]) -> None:
    files = {".gitattributes": pointers.DEFAULT_ATTRIBUTES}
    if repo.description.sdk:
        title = repo.description.id.partition("/")[2]
        files["README.md"] = f"---\ntitle: {json.dumps(title)}\nsdk: {repo.description.sdk}\n---\n".encode()
    with repo.objects() as store:
        blobs = {path: (trees.FILE_MODE, write_blob(store, content)) for path, content in {**files, **more}.items()}
        commit = write_commit(store, trees.edit(store, None, blobs), [], author, "initial commit")
        repo.move([RefChange(MAIN, None, commit)], store)
