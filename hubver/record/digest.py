"""sha256 of files and bytes, each read once."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from hubver.record.schema import FileEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_CHUNK = 1 << 20
_WORKERS = 4


def sha256(data: bytes) -> str:
    """The digest of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def entry(path_in_repo: str, content: Path | bytes, *, also: Callable[[memoryview], object] | None = None) -> FileEntry:
    """The entry of a file. The size is of the bytes that were hashed, not of a separate look at the file.

    Args:
        also: gets each piece as it is read, in order, for whatever else wants to see the same bytes. The piece is only
            valid during the call.
    """
    if isinstance(content, bytes):
        if also is not None:
            also(memoryview(content))
        return FileEntry(path=path_in_repo, size=len(content), sha256=sha256(content))
    state, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(_CHUNK))
    # Unbuffered: the piece goes from the system into our one buffer, and from there into the hash.
    with content.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            piece = buffer[:count]
            state.update(piece)
            if also is not None:
                also(piece)
            size += count
    return FileEntry(path=path_in_repo, size=size, sha256=state.hexdigest())


def entries(
    files: Mapping[str, Path | bytes],
    *,
    progress: Callable[[int, int], object] | None = None,
    also: Mapping[str, Callable[[memoryview], object]] | None = None,
) -> tuple[FileEntry, ...]:
    """The entries of many files, in their order; several are read at a time, for hashing does not hold Python's lock.

    Args:
        progress: told how many bytes have been hashed, and of how many. It is called from several threads, but never
            from two at a time.
        also: by path, what else sees the bytes of that file, as for `entry`.
    """
    total = sum(len(content) if isinstance(content, bytes) else content.stat().st_size for content in files.values())
    done, lock = 0, Lock()

    def seen(path: str, piece: memoryview) -> None:
        nonlocal done
        if also is not None and path in also:
            also[path](piece)
        with lock:
            done += len(piece)
            if progress is not None:
                progress(done, total)

    with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
        return tuple(pool.map(lambda item: entry(*item, also=partial(seen, item[0])), files.items()))
