"""The safetensors files of a revision, here or on the Hub, opened without reading their tensors."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hubver.errors import BadDocument, NotFound
from hubver.hub.parts import RemoteFile
from hubver.record.digest import entry
from hubver.record.folder.adapter import read_config
from hubver.record.folder.safetensors_header import header_length, parse_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.hub.client import Hub

_ADAPTER_CONFIG, _ADAPTER = "adapter_config.json", "adapter_model.safetensors"
_INDEX, _WHOLE = "model.safetensors.index.json", "model.safetensors"
# The headers of most adapters, and of models up to some thousand tensors, fit into the first read.
_FIRST = 256 << 10


class ByteFile(Protocol):
    """A file that is read by parts."""

    @property
    def name(self) -> str:
        """Its path in the revision."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def digest(self) -> str:
        """Equal for equal content; files of different places may differ in it all the same."""

    @property
    def start(self) -> bytes:
        """Its first bytes, read already."""

    def read(self, start: int, end: int) -> memoryview:
        """The bytes from `start` up to `end`."""


class LocalFile:
    """A file of a folder."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        self.size = path.stat().st_size
        self.start = bytes(self.read(0, min(_FIRST, self.size)))

    @cached_property
    def digest(self) -> str:
        """sha256, in hexadecimal; the whole file is read for it."""
        return entry(self.name, self._path).sha256

    def read(self, start: int, end: int) -> memoryview:
        """The bytes from `start` up to `end`; fewer where the file has shrunk."""
        with self._path.open("rb") as file:
            buffer = memoryview(bytearray(end - start))
            os.lseek(file.fileno(), start, os.SEEK_SET)
            return buffer[: file.readinto(buffer)]


@dataclass(frozen=True)
class Stored:
    """One tensor: what the header says, and where its bytes [start, end) are in the file."""

    name: str
    file: ByteFile
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Opened:
    """The weights of a revision.

    Attributes:
        kind: an adapter or a whole model.
        config: PEFT's configuration, of an adapter.
        files: the safetensors files.
        tensors: by name, in the order of the files and of the bytes in them.
    """

    kind: Literal["adapter", "full"]
    config: dict[str, Any]
    files: tuple[ByteFile, ...]
    tensors: dict[str, Stored]

    @property
    def digests(self) -> tuple[str, ...]:
        """Of all files, in order."""
        return tuple(file.digest for file in self.files)


def open_folder(folder: Path) -> Opened:
    """The weights that a trainer saved to a folder.

    Raises:
        NotFound: there are none in safetensors.
        BadInput, BadDocument: a file is broken.
    """

    def read(name: str) -> bytes | None:
        path = folder / name
        return path.read_bytes() if path.is_file() else None

    def open_file(name: str) -> ByteFile:
        if not (folder / name).is_file():
            raise NotFound(f"{folder} has no {name}.", hint="Save the model with save_pretrained, as safetensors.")
        return LocalFile(folder / name, name)

    return _open(read, open_file, str(folder))


def open_revision(hub: Hub, repo_id: str, sha: str) -> Opened:
    """The weights of a commit: the configuration, and the headers by one read each.

    Raises:
        NotFound: there are none in safetensors.
        BadInput, BadDocument: a file is broken.
        HubUnreachable, HubFailed: see `RemoteFile`.
    """
    return _open(
        lambda name: hub.read_if_there(repo_id, sha, name),
        lambda name: RemoteFile(hub, repo_id, sha, name, first=_FIRST),
        f"{repo_id}@{sha[:8]}",
    )


def _open(read: Callable[[str], bytes | None], open_file: Callable[[str], ByteFile], where: str) -> Opened:
    raw = read(_ADAPTER_CONFIG)
    if raw is not None:
        return _opened("adapter", read_config(raw, f"{_ADAPTER_CONFIG} of {where}"), [open_file(_ADAPTER)])
    index = read(_INDEX)
    names = [_WHOLE] if index is None else _shards(index, where)
    return _opened("full", {}, [open_file(name) for name in names])


def _shards(raw: bytes, where: str) -> list[str]:
    try:
        names = set(json.loads(raw)["weight_map"].values())
        if all(isinstance(name, str) and "/" not in name for name in names):
            return sorted(names)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise BadDocument(f"{_INDEX} of {where} does not say which files hold the weights.", expected="a `weight_map`")


def _opened(kind: Literal["adapter", "full"], config: dict[str, Any], files: list[ByteFile]) -> Opened:
    found: dict[str, Stored] = {}
    for file in files:
        length = header_length(file.start[:8], file.size, file.name)
        raw = file.start[8 : 8 + length]
        if len(raw) < length:
            raw += bytes(file.read(8 + len(raw), 8 + length))
        offset = 8 + length
        tensors = parse_header(raw, file.size - offset, file.name)
        for name, tensor in sorted(tensors.items(), key=lambda item: item[1].start):
            found[name] = Stored(name, file, tensor.dtype, tensor.shape, offset + tensor.start, offset + tensor.end)
    return Opened(kind, config, tuple(files), found)
