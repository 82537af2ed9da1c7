"""The hashes of Xet: BLAKE3 with a key for each purpose, of 32 bytes (https://huggingface.co/docs/xet/hashing)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Leaf = tuple[bytes, int]
"""Hash and size in bytes of a chunk, or of all chunks under a node."""

_CHUNK_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_RANGE_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
_FILE_KEY = bytes(32)
_NOTHING = bytes(32)

_WORDS = struct.Struct("<4Q")
_MEAN_BRANCHES = 4
_MOST_BRANCHES = 2 * _MEAN_BRANCHES + 1
_DEDUP_MODULUS = 1024


def to_text(value: bytes) -> str:
    """A hash as addresses and JSON have it: four little-endian numbers in hex.

    `from_text(to_text(value)) == value`
    """
    return "".join(f"{word:016x}" for word in _WORDS.unpack(value))


def from_text(text: str) -> bytes:
    """The hash that 64 hex digits stand for.

    Raises:
        ValueError: they are not 64 hex digits.
    """
    if len(text) != 64:
        raise ValueError(f"A hash has 64 hex digits, not {len(text)}")
    return _WORDS.pack(*(int(text[i : i + 16], 16) for i in range(0, 64, 16)))


def chunk_hash(content: bytes) -> bytes:
    """Hash of a chunk, from its content as it stands in the file."""
    return blake3(content, key=_CHUNK_KEY).digest()


def range_hash(chunk_hashes: Iterable[bytes]) -> bytes:
    """What a shard gives for each term, to show that its writer knows the chunks."""
    return blake3(b"".join(chunk_hashes), key=_RANGE_KEY).digest()


def xorb_hash(chunks: Sequence[Leaf]) -> bytes:
    """Hash of a xorb: the root of a tree over its chunks."""
    level = list(chunks)
    while len(level) > 1:
        level = [_parent(group) for group in _groups(level)]
    return level[0][0] if level else _NOTHING


def file_hash(chunks: Sequence[Leaf]) -> bytes:
    """Hash of a file, which is its address in Xet; all zeros for the empty file."""
    return blake3(xorb_hash(chunks), key=_FILE_KEY).digest() if chunks else _NOTHING


def keyed(value: bytes, key: bytes) -> bytes:
    """A chunk's hash as it is told to clients that may not know the chunk, with the key beside it."""
    return blake3(value, key=key).digest()


def is_searched(value: bytes) -> bool:
    """Whether clients ask for a chunk of this hash wherever they meet it, and not only at the start of a file."""
    return _last_word(value) % _DEDUP_MODULUS == 0


def _last_word(value: bytes) -> int:
    return int.from_bytes(value[24:], "little")


def _groups(level: list[Leaf]) -> Iterable[list[Leaf]]:
    """Cut a level of the tree where a hash says so, into groups of 3 to 9; the last may be smaller."""
    start = 0
    while start < len(level):
        end = min(start + _MOST_BRANCHES, len(level))
        cuts = (i + 1 for i in range(start + 2, end) if _last_word(level[i][0]) % _MEAN_BRANCHES == 0)
        end = next(cuts, end)
        yield level[start:end]
        start = end


def _parent(group: list[Leaf]) -> Leaf:
    lines = "".join(f"{to_text(value)} : {size}\n" for value, size in group)
    return blake3(lines.encode(), key=_NODE_KEY).digest(), sum(size for _, size in group)
