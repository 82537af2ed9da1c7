"""sha256 of files and bytes, each read once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubver.record.schema import FileEntry

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


def sha256(data: bytes) -> str:
    """The digest of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def entry(path_in_repo: str, content: Path | bytes) -> FileEntry:
    """The entry of a file. The size is of the bytes that were hashed, not of a separate look at the file."""
    if isinstance(content, bytes):
        return FileEntry(path=path_in_repo, size=len(content), sha256=sha256(content))
    state, size = hashlib.sha256(), 0
    with content.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
            size += len(chunk)
    return FileEntry(path=path_in_repo, size=size, sha256=state.hexdigest())
