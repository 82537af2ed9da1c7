"""Writing files so that a reader, or a process killed at any moment, sees the old content or the new, never a part."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_PIECE = 2**20


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(top: Path) -> None:
    """Make a whole tree of files, which nobody else writes to, survive a power cut."""
    for folder, _, names in os.walk(top):
        for name in names:
            _sync(Path(folder, name))
        sync_folder(Path(folder))


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are not there, so that they survive a power cut."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `content` with one rename, after the bytes have reached the disk."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


class Incoming:
    """A file that is still arriving, under a name of its own in `folder`.

    Use as a context manager; leaving it without `keep` removes what was written.
    """

    def __init__(self, folder: Path) -> None:
        handle, name = tempfile.mkstemp(dir=folder, prefix="incoming-")
        self.file: IO[bytes] = os.fdopen(handle, "w+b")
        self._temporary = Path(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self._temporary.unlink(missing_ok=True)

    def keep(self, target: Path) -> None:
        """Let the file be `target`, on the same file system, for good."""
        self.file.flush()
        os.fsync(self.file.fileno())
        make_folders(target.parent)
        self._temporary.replace(target)
        sync_folder(target.parent)


def sha256_of(file: IO[bytes]) -> str:
    """Hash what is left to read of a file; in hex."""
    found = hashlib.sha256()
    while piece := file.read(_PIECE):
        found.update(piece)
    return found.hexdigest()
