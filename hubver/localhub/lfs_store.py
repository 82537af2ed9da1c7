"""Large files by sha256, as LFS and git know them: whole in one folder, or put together by the Xet store."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hubver.localhub.errors import bad_request
from hubver.localhub.files import make_folders, sync_folder

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from hubver.localhub.xet.store import XetStore

_COPY_SIZE = 2**20


class Upload:
    """Bytes on their way in: hashed while they reach a temporary file, and published only if they are what was said.

    Use as a context manager; leaving it without `finish` removes what was written.
    """

    def __init__(self, target: Path, folder: Path) -> None:
        handle, name = tempfile.mkstemp(dir=folder, prefix="upload-")
        self._file = os.fdopen(handle, "wb")
        self._temporary = Path(name)
        self._target = target
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(chunk)
        self._size += len(chunk)
        self._file.write(chunk)

    def finish(self, size: int) -> None:
        """Publish the object.

        Raises:
            HubError: 400 if its size or its sha256 is not what the upload was opened for.
        """
        if (self._size, self._hash.hexdigest()) != (size, self._target.name):
            raise bad_request(f"The uploaded content is not object {self._target.name} of {size} bytes")
        self._file.flush()
        os.fsync(self._file.fileno())
        make_folders(self._target.parent)
        self._temporary.replace(self._target)
        sync_folder(self._target.parent)


class LfsStore:
    """The objects under `folder` and those of `xet`; in `temporary` (same file system) is what is still arriving.

    Objects are written once and never changed.
    """

    def __init__(self, folder: Path, temporary: Path, xet: XetStore) -> None:
        self._folder = folder
        self._temporary = temporary
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

    def part(self, oid: str, number: int) -> Path:
        """Where part `number` of a multipart upload is kept until it is complete."""
        folder = self._temporary / f"parts-{oid}"
        folder.mkdir(exist_ok=True)
        return folder / str(number)

    def assemble(self, oid: str, size: int, parts: list[int]) -> None:
        """Publish a multipart upload from its numbered parts, in the order given.

        Raises:
            HubError: 400 if a part is missing or the whole is not the object.
        """
        with self.upload(oid) as upload:
            for number in parts:
                path = self.part(oid, number)
                if not path.exists():
                    raise bad_request(f"Part {number} of {oid} was not uploaded")
                with path.open("rb") as file:
                    while chunk := file.read(_COPY_SIZE):
                        upload.write(chunk)
            upload.finish(size)
        shutil.rmtree(self._temporary / f"parts-{oid}", ignore_errors=True)
