"""Which large files a repo has: all repos share one folder of objects, and knowing a sha256 gives no right to it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hubver.localhub.accounts.access import check_gate, may_read
from hubver.localhub.errors import HubError
from hubver.localhub.repos.files import make_folders, write_atomically
from hubver.localhub.repos.repository import PREFIXES
from hubver.localhub.store import now

if TYPE_CHECKING:
    from hubver.localhub.accounts.users import User
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.store import Store


@dataclass(frozen=True)
class Held:
    """A large file of a repo.

    Args:
        oid: its sha256.
        size: in bytes.
        pushed_at: when it came here; ISO 8601 in UTC.
        filename: a path that it has or had; empty until it is committed.
        ref: full name of the ref it was committed to.
    """

    oid: str
    size: int
    pushed_at: str
    filename: str = ""
    ref: str | None = None


class Holdings:
    """The large files of one repo: a file each in its folder `large`, named by their sha256."""

    def __init__(self, repo: Repository) -> None:
        self._folder = repo.folder / "large"

    def __contains__(self, oid: str) -> bool:
        return (self._folder / oid).exists()

    def add(self, oid: str, size: int, filename: str = "", ref: str | None = None) -> None:
        """Note that the repo has an object, or where in it; what was noted before is kept."""
        known = self._read(oid)
        if known is None or (filename and not known.filename):
            make_folders(self._folder)
            held = Held(oid, size, known.pushed_at if known else now(), filename, ref)
            write_atomically(self._folder / oid, json.dumps(asdict(held)).encode())

    def _read(self, oid: str) -> Held | None:
        try:
            return Held(**json.loads((self._folder / oid).read_bytes()))
        except FileNotFoundError:
            return None

    def list(self) -> list[Held]:
        """All of them, newest first."""
        found = map(self._read, self.oids())
        return sorted(filter(None, found), key=lambda held: (held.pushed_at, held.oid), reverse=True)

    def oids(self) -> set[str]:
        """What they are."""
        return {file.name for file in self._folder.glob("[0-9a-f]*")}

    def drop(self, oid: str) -> None:
        """Forget an object."""
        (self._folder / oid).unlink(missing_ok=True)


def holders(store: Store, oid: str) -> list[Repository]:
    """The repos that have an object."""
    return [repo for kind in PREFIXES for repo in store.list(kind) if oid in Holdings(repo)]


def may_use(store: Store, repo: Repository, user: User | None, oid: str) -> bool:
    """Whether `user` may put an object into a commit on `repo` without uploading it.

    That is so if the repo has it, or another that the user may download from, as copies need. What no repo has any more
    is nobody's: it may have been a private repo's that is deleted.
    """
    if oid in Holdings(repo):
        return True
    return any(may_download(other, user) for other in holders(store, oid))


def take(store: Store, repo: Repository, user: User | None, oid: str) -> int | None:
    """Let `repo` have an object that `user` may use, and answer its size; None if there is no such object.

    From here on the repo does not depend on any other that has the object.
    """
    size = store.lfs.size(oid)
    if size is None or not may_use(store, repo, user, oid):
        return None
    Holdings(repo).add(oid, size)
    return size


def may_download(repo: Repository, user: User | None) -> bool:
    """Whether `user` may see a repo and has passed its gate, if it has one."""
    try:
        check_gate(repo, user)
    except HubError:
        return False
    return may_read(repo, user)
