"""The content of a file that is kept in xorbs, read as if it were one file."""

from __future__ import annotations

import io
from bisect import bisect_right
from itertools import accumulate
from typing import IO, TYPE_CHECKING, BinaryIO

from hubver.localhub.xet.xorbs import read_chunks

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from hubver.localhub.xet.store import XetFile, XetStore

_RUN = 2**20
"""Bytes of content unpacked at a time, at least; so much is held in memory."""


def open_content(store: XetStore, file: XetFile) -> BinaryIO:
    """Open a file for reading from any place in it."""
    return io.BufferedReader(_Content(store, file), _RUN)


class _Content(io.RawIOBase):
    def __init__(self, store: XetStore, file: XetFile) -> None:
        self._store = store
        self._file = file
        self._bounds = [0, *accumulate(term.size for term in file.terms)]
        self._position = 0
        self._run = b""
        self._run_start = 0
        self._xorb: tuple[str, IO[bytes]] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        if self._position >= self._file.size:
            return 0
        if not 0 <= self._position - self._run_start < len(self._run):
            self._load()
        target = memoryview(buffer)
        skipped = self._position - self._run_start
        piece = memoryview(self._run)[skipped : skipped + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        if self._xorb:
            self._xorb[1].close()
            self._xorb = None
        super().close()

    def _load(self) -> None:
        """Unpack the chunk at the position, and the next ones of the same term."""
        number = bisect_right(self._bounds, self._position) - 1
        term = self._file.terms[number]
        layout = self._store.layout(term.xorb)
        # Where the content of the xorb would begin in this file if all of it were here.
        origin = self._bounds[number] - layout.unpacked[term.start]
        first = bisect_right(layout.unpacked, self._position - origin) - 1
        last = min(term.end, bisect_right(layout.unpacked, layout.unpacked[first] + _RUN))
        self._run = b"".join(read_chunks(self._open(term.xorb), layout, first, last))
        self._run_start = origin + layout.unpacked[first]

    def _open(self, xorb: str) -> IO[bytes]:
        if self._xorb is None or self._xorb[0] != xorb:
            if self._xorb:
                self._xorb[1].close()
            self._xorb = xorb, self._store.xorb_path(xorb).open("rb")
        return self._xorb[1]
