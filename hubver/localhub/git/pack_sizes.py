"""How large the objects of a pack become when it is unpacked: a few kilobytes of it can hold terabytes."""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_OBJECT = 2**28
"""Bytes of the largest object that is read, far above what the Hub keeps in git."""

_PIECE = 2**16
_HEADER = 12
_OFFSET_DELTA, _REF_DELTA = 6, 7
_DELTA_HEADER = 20  # two numbers of up to 64 bits, 7 in each byte


class TooLarge(ValueError):
    """An object of a pack is larger than any that could be accepted, or than it says."""


def check_sizes(pack: IO[bytes], most: int = LARGEST_OBJECT) -> None:
    """Read a pack without keeping it, and leave the file where it was.

    Args:
        pack: at the start of a pack, as git's `gitformat-pack` documentation has it.
        most: bytes that an object may have.

    Raises:
        TooLarge: one has more, inflates to more than it says, or is a delta that makes more.
        ValueError: it is no pack, or ends early.
        zlib.error: an object is not compressed as it should be.
    """
    start = pack.tell()
    try:
        source = _Source(pack)
        header = source.take(_HEADER)
        if header[:4] != b"PACK":
            raise ValueError("not a pack")
        for _ in range(int.from_bytes(header[8:], "big")):
            _check_object(source, most)
    finally:
        pack.seek(start)


def _check_object(source: _Source, most: int) -> None:
    first = source.byte()
    kind, size, shift, byte = first >> 4 & 7, first & 15, 4, first
    while byte & 0x80:
        byte = source.byte()
        size |= (byte & 0x7F) << shift
        shift += 7
    if kind == _OFFSET_DELTA:
        while source.byte() & 0x80:
            pass
    elif kind == _REF_DELTA:
        source.take(20)
    if size > most:
        raise TooLarge(f"an object has {size} bytes, more than {most}")
    beginning = source.inflate(size)
    if kind in {_OFFSET_DELTA, _REF_DELTA}:
        numbers = _numbers(beginning)
        next(numbers)
        result = next(numbers)
        if result > most:
            raise TooLarge(f"a delta makes {result} bytes, more than {most}")


def _numbers(data: bytes) -> Iterator[int]:
    """Numbers as they stand in a delta, 7 bits in each byte, the lowest first."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield value
            value = shift = 0
    raise ValueError("a delta ends early")


class _Source:
    """A file read ahead in pieces."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._piece = b""
        self._at = 0

    def _fill(self) -> None:
        if self._at == len(self._piece):
            self._piece, self._at = self._file.read(_PIECE), 0
            if not self._piece:
                raise ValueError("the pack ends early")

    def byte(self) -> int:
        self._fill()
        self._at += 1
        return self._piece[self._at - 1]

    def take(self, size: int) -> bytes:
        return bytes(self.byte() for _ in range(size))

    def inflate(self, size: int) -> bytes:
        """Pass over compressed data that must have `size` bytes, and answer the first few of them."""
        unpack = zlib.decompressobj()
        beginning, count = b"", 0
        while not unpack.eof:
            self._fill()
            data = unpack.decompress(self._piece[self._at :], _PIECE)
            left = unpack.unused_data or unpack.unconsumed_tail
            self._at = len(self._piece) - len(left)
            beginning = (beginning + data)[:_DELTA_HEADER]
            count += len(data)
            if count > size:
                raise TooLarge(f"an object inflates to more than the {size} bytes that it says")
        return beginning
