"""Large files by sha256, as LFS and git know them: whole in one folder, or put together by the Xet store."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from hubver.localhub.errors import HubError, bad_request, conflict
from hubver.localhub.repos.files import Incoming, make_folders, sha256_of, sync_folder

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typing_extensions import Buffer

    from hubver.localhub.xet.store import XetStore


class Upload(Incoming):
    """An object on its way in: hashed while it arrives, and kept only if it is what was said."""

    def __init__(self, target: Path, folder: Path) -> None:
        super().__init__(folder)
        self._target = target
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, piece: Buffer) -> None:
        """Take the next bytes."""
        self._hash.update(piece)
        self._size += self.file.write(piece)

    def finish(self, size: int) -> None:
        """Keep the object.

        Raises:
            HubError: 400 if its size or its sha256 is not what the upload was opened for.
        """
        if (self._size, self._hash.hexdigest()) != (size, self._target.name):
            raise _another(self._target.name, size)
        self.keep(self._target)


def _another(oid: str, size: int) -> HubError:
    return bad_request(f"The uploaded content is not object {oid} of {size} bytes")


class PartialUploads:
    """Objects that arrive in parts, each in one file in `folder`, so that nothing is copied in the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._writers: Counter[Path] = Counter()

    @contextmanager
    def part(self, oid: str, size: int, start: int) -> Iterator[BinaryIO]:
        """Open the part that begins at `start` for writing; parts may arrive at once and in any order."""
        path = self._path(oid, size)
        with self._lock:
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), "wb")
            self._writers[path] += 1
        try:
            with file:
                file.seek(start)
                yield file
        finally:
            with self._lock:
                self._writers[path] -= 1

    def take(self, oid: str, size: int) -> Path:
        """Take what has arrived; from here on nobody writes to it.

        Raises:
            FileNotFoundError: nothing has.
            HubError: 409 if a part is still arriving.
        """
        path = self._path(oid, size)
        with self._lock:
            if self._writers[path]:
                raise conflict(f"Parts of {oid} are still being uploaded")
            return path.rename(self._folder / f"whole-{os.urandom(8).hex()}")

    def give_back(self, whole: Path, oid: str, size: int) -> None:
        """Let more parts arrive for what was taken and is not whole; of two such, the newer one is kept."""
        with self._lock:
            path = self._path(oid, size)
            if path.exists():
                whole.unlink()
            else:
                whole.rename(path)

    def _path(self, oid: str, size: int) -> Path:
        return self._folder / f"parts-{oid}-{size}"


class LfsStore:
    """The objects under `folder` and those of `xet`; in `temporary` (same file system) is what is still arriving.

    Objects are written once and never changed.
    """

    def __init__(self, folder: Path, temporary: Path, xet: XetStore) -> None:
        self._folder = folder
        self._temporary = temporary
        self._partial = PartialUploads(temporary)
        self._xet = xet

    def path(self, oid: str) -> Path:
        """Where the object of this sha256 (64 hex digits) is or would be, if it was uploaded by LFS."""
        return self._folder / oid[:2] / oid[2:4] / oid

    def size(self, oid: str) -> int | None:
        """Size in bytes; None if the object is not here."""
        try:
            return self.path(oid).stat().st_size
        except FileNotFoundError:
            file = self._xet.find(oid)
            return file.size if file else None

    def open(self, oid: str) -> BinaryIO:
        """Open an object for reading from any place in it.

        Raises:
            FileNotFoundError: it is not here.
        """
        try:
            return self.path(oid).open("rb")
        except FileNotFoundError:
            file = self._xet.find(oid)
            if file is None:
                raise
            return self._xet.open(file)

    def upload(self, oid: str) -> Upload:
        """Open an upload of the object with this sha256."""
        return Upload(self.path(oid), self._temporary)

    def delete(self, oid: str) -> None:
        """Remove an object for good; of one that is kept in chunks, what makes them a file."""
        self.path(oid).unlink(missing_ok=True)
        self._xet.forget(oid)

    def keep_only(self, oids: Container[str]) -> None:
        """Remove all objects but these from the folder."""
        for path in self._folder.glob("??/??/*"):
            if path.name not in oids:
                path.unlink()

    def part(self, oid: str, size: int, start: int) -> AbstractContextManager[BinaryIO]:
        """Open the part of an object that begins at `start` for writing."""
        return self._partial.part(oid, size, start)

    def assemble(self, oid: str, size: int) -> None:
        """Keep an object whose parts have arrived.

        Raises:
            HubError: 400 if a part is missing or the whole is not the object, 409 if one is still arriving.
        """
        try:
            whole = self._partial.take(oid, size)
        except FileNotFoundError:
            # Somebody else who uploads the same may have been first.
            if self.size(oid) != size:
                raise _another(oid, size) from None
            return
        with whole.open("rb") as file:
            if os.fstat(file.fileno()).st_size != size or sha256_of(file) != oid:
                self._partial.give_back(whole, oid, size)
                raise _another(oid, size)
            os.fsync(file.fileno())
        target = self.path(oid)
        make_folders(target.parent)
        whole.replace(target)
        sync_folder(target.parent)
