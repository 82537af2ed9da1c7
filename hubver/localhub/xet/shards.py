"""Shards: what a client sends to register files, and what it gets to find chunks that are here already.

The format: https://huggingface.co/docs/xet/shard.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hubver.localhub.xet.hashes import keyed, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubver.localhub.xet.xorbs import Layout

LARGEST_SHARD = 128 * 2**20
"""Bytes of the largest shard taken; clients aim at 64 MiB."""

_HEADER = struct.Struct("<32sQQ")  # tag, version, size of the footer
_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
_VERSION = 2

_ENTRY = struct.Struct("<32s4I")  # a hash and four numbers, whose meaning depends on where the entry stands
_BOOKEND = b"\xff" * 32
_WITH_VERIFICATION, _WITH_SHA256 = 1 << 31, 1 << 30

# Version; where the two sections begin; place and length of three tables (empty, but clients read up to the first);
# key; written at; valid until; unused; where the footer itself begins.
_FOOTER = struct.Struct("<QQQ6Q32sQQ72sQ")
_FOOTER_VERSION = 1
_FOREVER = 2**64 - 1

Entry = tuple[bytes, int, int, int, int]


@dataclass(frozen=True)
class Term:
    """A run of chunks: [start, end) of a xorb, whose content has `size` bytes."""

    xorb: str
    start: int
    end: int
    size: int


@dataclass(frozen=True)
class FileClaim:
    """A file as a shard describes it, with nothing checked yet.

    Args:
        id: its hash, as text.
        sha256: in hex.
        terms: that make it up, in order.
        range_hashes: one for each term.
    """

    id: str
    sha256: str
    terms: tuple[Term, ...]
    range_hashes: tuple[bytes, ...]


@dataclass(frozen=True)
class Shard:
    """What a client registers.

    Args:
        files: files, made of chunks in these xorbs or older ones.
        xorbs: the hashes of the chunks by xorb.
    """

    files: tuple[FileClaim, ...]
    xorbs: dict[str, tuple[bytes, ...]]


def parse_shard(content: bytes) -> Shard:
    """Read an uploaded shard.

    Raises:
        ValueError: it is not one, or a file in it lacks its sha256 or the proof that its writer knows the chunks.
    """
    if len(content) < _HEADER.size or _HEADER.unpack_from(content)[:2] != (_TAG, _VERSION):
        raise ValueError("The shard does not begin as one of version 2")
    whole = (len(content) - _HEADER.size) // _ENTRY.size * _ENTRY.size
    entries = _ENTRY.iter_unpack(memoryview(content)[_HEADER.size : _HEADER.size + whole])
    files = tuple(_files(entries))
    xorbs = {to_text(name): tuple(e[0] for e in _take(entries, count)) for name, _, count, *_ in _blocks(entries)}
    return Shard(files, xorbs)


def _blocks(entries: Iterator[Entry]) -> Iterator[Entry]:
    """The first entry of each block of a section, up to its end."""
    while True:
        entry = _take(entries, 1)[0]
        if entry[0] == _BOOKEND:
            return
        yield entry


def _files(entries: Iterator[Entry]) -> Iterator[FileClaim]:
    for name, flags, count, _, _ in _blocks(entries):
        if not flags & _WITH_SHA256 or not flags & _WITH_VERIFICATION:
            raise ValueError("Each file of a shard needs its sha256 and a verification entry for each term")
        terms = tuple(Term(to_text(xorb), start, end, size) for xorb, _, size, start, end in _take(entries, count))
        range_hashes = tuple(entry[0] for entry in _take(entries, count))
        yield FileClaim(to_text(name), to_text(_take(entries, 1)[0][0]), terms, range_hashes)


def _take(entries: Iterator[Entry], count: int) -> list[Entry]:
    taken = list(islice(entries, count))
    if len(taken) != count:
        raise ValueError("The shard is cut off")
    return taken


def known_chunks(xorbs: Iterable[tuple[bytes, Layout]], key: bytes) -> bytes:
    """Write a shard that tells a client which chunks these xorbs hold, so that it need not send them.

    Only who has a chunk can find it there: it names the chunks by their hashes under `key`, which it also holds.
    """
    parts = [_HEADER.pack(_TAG, _VERSION, _FOOTER.size), _ENTRY.pack(_BOOKEND, 0, 0, 0, 0)]
    for name, layout in xorbs:
        parts.append(_ENTRY.pack(name, 0, len(layout.hashes), layout.unpacked[-1], layout.packed[-1]))
        chunks = zip(layout.leaves, layout.unpacked[:-1], strict=True)
        parts += [_ENTRY.pack(keyed(value, key), start, size, 0, 0) for (value, size), start in chunks]
    parts.append(_ENTRY.pack(_BOOKEND, 0, 0, 0, 0))
    files_at = _HEADER.size
    end = sum(map(len, parts))
    tables = (end, 0, end, 0, end, 0)
    footer = (_FOOTER_VERSION, files_at, files_at + _ENTRY.size, *tables, key, 0, _FOREVER, b"", end)
    return b"".join([*parts, _FOOTER.pack(*footer)])
