"""Reading xorbs: checking one that arrives, and getting chunks out of one that is kept.

The format: https://huggingface.co/docs/xet/xorb.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING

from hubver.localhub.xet import hashes
from hubver.localhub.xet.lz4_frame import decompress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.localhub.xet.hashes import Leaf

LARGEST_XORB = 65 * 2**20
"""Bytes of the largest xorb taken: 64 MiB of content, and what its headers add if it cannot be compressed."""

_HEADER = struct.Struct("<B3sB3s")  # version, packed size, compression, unpacked size
_VERSION = 0
_LARGEST_CHUNK = 128 * 2**10
_STORED, _LZ4, _GROUPED_LZ4 = 0, 1, 2
_LANES = 4
_ENTRY = struct.Struct("<32sII")


@dataclass(frozen=True)
class Layout:
    """Where the chunks of a xorb are, as found when it arrived and was checked.

    Args:
        hashes: of the chunks in order.
        packed: bounds of the chunks in the xorb: chunk i is `packed[i]:packed[i + 1]`, with its header.
        unpacked: bounds of the chunks in the content of the whole xorb.
    """

    hashes: tuple[bytes, ...]
    packed: tuple[int, ...]
    unpacked: tuple[int, ...]

    @cached_property
    def leaves(self) -> list[Leaf]:
        """Hash and size of each chunk."""
        bounds = self.unpacked
        return [(value, bounds[i + 1] - bounds[i]) for i, value in enumerate(self.hashes)]

    def __bytes__(self) -> bytes:
        entries = zip(self.hashes, self.packed[1:], self.unpacked[1:], strict=True)
        return b"".join(_ENTRY.pack(*entry) for entry in entries)

    @classmethod
    def from_bytes(cls, content: bytes) -> Layout:
        """Read what `bytes(layout)` wrote."""
        names, packed, unpacked = zip(*_ENTRY.iter_unpack(content), strict=True)
        return cls(names, (0, *packed), (0, *unpacked))


def inspect(file: IO[bytes]) -> Layout:
    """Unpack and hash every chunk of a xorb.

    Raises:
        ValueError: it is not a xorb.
    """
    names: list[bytes] = []
    packed, unpacked = [0], [0]
    while header := file.read(_HEADER.size):
        size, content = _read_chunk(header, file)
        names.append(hashes.chunk_hash(content))
        packed.append(packed[-1] + _HEADER.size + size)
        unpacked.append(unpacked[-1] + len(content))
    if not names:
        raise ValueError("A xorb has at least one chunk")
    return Layout(tuple(names), tuple(packed), tuple(unpacked))


def read_chunks(file: IO[bytes], layout: Layout, start: int, end: int) -> Iterator[bytes]:
    """Unpack the chunks [start, end) of a xorb that was checked when it arrived.

    Raises:
        ValueError: while iterating, if the file has been damaged since.
    """
    file.seek(layout.packed[start])
    for _ in range(start, end):
        yield _read_chunk(file.read(_HEADER.size), file)[1]


def _read_chunk(header: bytes, file: IO[bytes]) -> tuple[int, bytes]:
    """Answer the packed size of the chunk that begins with `header`, and its content."""
    if len(header) != _HEADER.size:
        raise ValueError("The xorb is cut off inside a chunk's header")
    version, packed, scheme, unpacked = _HEADER.unpack(header)
    packed, unpacked = int.from_bytes(packed, "little"), int.from_bytes(unpacked, "little")
    if version != _VERSION or not 0 < unpacked <= _LARGEST_CHUNK or packed > 2 * _LARGEST_CHUNK:
        raise ValueError("The xorb has a chunk whose header is not one of version 0 and 128 KiB at most")
    data = file.read(packed)
    if len(data) != packed:
        raise ValueError("The xorb is cut off inside a chunk")
    return packed, _unpack(scheme, data, unpacked)


def _unpack(scheme: int, data: bytes, size: int) -> bytes:
    if scheme == _LZ4:
        return decompress(data, size)
    if scheme == _GROUPED_LZ4:
        return _ungroup(decompress(data, size))
    if scheme != _STORED or len(data) != size:
        raise ValueError(f"The xorb has a chunk of {len(data)} bytes by the unknown scheme {scheme}")
    return data


def _ungroup(grouped: bytes) -> bytes:
    """Put the bytes back that were sorted by their place in each group of four."""
    content = bytearray(len(grouped))
    start = 0
    for lane in range(_LANES):
        end = start + len(range(lane, len(grouped), _LANES))
        content[lane::_LANES] = grouped[start:end]
        start = end
    return bytes(content)
