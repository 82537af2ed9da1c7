"""How large a file is and how it begins, without reading all of it."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.localhub.large.pointers import Pointer, parse_pointer
from hubver.localhub.repos.repository import read_blob

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.repos.trees import Entry

_SUBMODULE = 0o160000
_START = 2048
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class Glimpse:
    """A file as a list of files shows it.

    Args:
        size: in bytes; of a large file what it has, not its pointer.
        pointer: where its content is, if it is a large file.
        stored: bytes that git itself holds.
    """

    size: int
    pointer: Pointer | None
    stored: int


def glimpse(store: BaseObjectStore, entry: Entry) -> Glimpse | None:
    """Look at a file; None for what is no file of this repo (a submodule)."""
    if entry.mode == _SUBMODULE:
        return None
    size, start = _loose_start(store, entry.oid) or _packed_start(store, entry.oid)
    pointer = parse_pointer(start) if size == len(start) else None
    return Glimpse(pointer.size if pointer else size, pointer, size)


def is_text(content: bytes) -> bool:
    """Whether people can read a file, be it in UTF-8 or in an encoding that nobody knows."""
    return not _CONTROL.search(content)


def _packed_start(store: BaseObjectStore, oid: str) -> tuple[int, bytes]:
    content = read_blob(store, oid)
    return len(content), content


def _loose_start(store: BaseObjectStore, oid: str) -> tuple[int, bytes] | None:
    """Size and first bytes of an object in a file of its own, of which only the start is unpacked."""
    try:
        with (Path(store.path) / oid[:2] / oid[2:]).open("rb") as file:  # type: ignore[attr-defined]  # it is on disk
            unpacked = zlib.decompressobj().decompress(file.read(_START), _START)
    except FileNotFoundError:
        return None
    header, _, content = unpacked.partition(b"\0")
    return int(header.split()[1]), content
