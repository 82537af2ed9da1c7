"""Tell a pickle by its content, without reading it as one."""

from __future__ import annotations

import bz2
import io
import itertools
import lzma
import pickletools
import re
import tarfile
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The opcodes of a pickle by which it imports, keeps what it imported, and calls; one that has none is only data.
_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_KEEPS = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_CALLS = frozenset({"NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"})
# These import and call at once, from a mark on; without one, a reader fails before it does either.
_CALLS_FROM_MARK = frozenset({"INST", "OBJ"})
# These two say in plain lines what they import.
_NAMING = frozenset({"GLOBAL", "INST"})
_LOOKED_AT = 1 << 20
# Of an archive, so many files, and so much of each; a bomb is not unpacked further than this.
_MEMBERS = 200
_LOOKED_AT_INSIDE = 64 << 10
_DEEPEST = 3
_XZ_MEMORY = 64 << 20
# What tells the formats apart, the header of numpy's arrays included.
_HEAD = 1024
_OBJECTS = re.compile(rb"'descr':[^}]*'[|<>=]?O")


def is_pickle(file: Path) -> bool:
    """Whether a file is a pickle of protocol 2 or later, holds one, or is an old one that runs code.

    Looked into are zips (torch), tars, what gzip, bzip2, xz and zlib have compressed (joblib), and numpy's arrays of
    objects. Protocols 0 and 1 have no magic number and may look like text, so only those that could run something
    count, and of text only what no writer of words would write.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        return _is_pickle(opened, _DEEPEST)


def _is_pickle(stream: IO[bytes], depth: int) -> bool:
    head = stream.read(_HEAD)
    stream.seek(0)
    # PROTO 2 to 5: no UTF-8 text begins like this (pickletools, opcode PROTO).
    if head[:1] == b"\x80":
        return len(head) > 1 and 2 <= head[1] <= 5
    if head.startswith(b"\x93NUMPY"):
        # The header is a dictionary in Python's words (numpy.lib.format, version 1.0).
        return _OBJECTS.search(head) is not None
    look = next((look for magic, look in _INSIDE.items() if head.startswith(magic)), None)
    if look is None and head[257:262] == b"ustar":
        look = _in_tar
    if look is not None:
        return depth > 0 and _any_pickle(look(stream), depth - 1)
    return _runs_code(stream.read(_LOOKED_AT))


def _any_pickle(parts: Iterator[bytes], depth: int) -> bool:
    """Whether one of the parts is a pickle. What is no archive after all, or a broken one, holds none."""
    try:
        return any(_is_pickle(io.BytesIO(part), depth) for part in parts)
    except Exception:  # noqa: BLE001  # archives are strangers', and their readers promise no error type
        return False


def _in_zip(stream: IO[bytes]) -> Iterator[bytes]:
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if any(member.filename.endswith((".pkl", ".pickle")) for member in members):
            yield b"\x80\x02."
        for member in members[:_MEMBERS]:
            with archive.open(member) as opened:
                yield opened.read(_LOOKED_AT_INSIDE)


def _in_tar(stream: IO[bytes]) -> Iterator[bytes]:
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in itertools.islice(archive, _MEMBERS):
            opened = archive.extractfile(member) if member.isfile() else None
            if opened is not None:
                yield opened.read(_LOOKED_AT_INSIDE)


def _in_gzip(stream: IO[bytes]) -> Iterator[bytes]:
    yield zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(stream.read(_LOOKED_AT), _LOOKED_AT)


def _in_zlib(stream: IO[bytes]) -> Iterator[bytes]:
    yield zlib.decompressobj().decompress(stream.read(_LOOKED_AT), _LOOKED_AT)


def _in_bzip2(stream: IO[bytes]) -> Iterator[bytes]:
    yield bz2.BZ2Decompressor().decompress(stream.read(_LOOKED_AT), _LOOKED_AT)


def _in_xz(stream: IO[bytes]) -> Iterator[bytes]:
    yield lzma.LZMADecompressor(memlimit=_XZ_MEMORY).decompress(stream.read(_LOOKED_AT), _LOOKED_AT)


_INSIDE = {
    b"PK": _in_zip,
    b"\x1f\x8b": _in_gzip,
    b"BZh": _in_bzip2,
    b"\xfd7zXZ": _in_xz,
    # The levels of zlib: none, low, the usual, the best.
    **dict.fromkeys((b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), _in_zlib),
}


def _runs_code(data: bytes) -> bool:
    """Whether it can be parsed to its end, as far as that was read, and runs something on the way.

    Lines of words make an import by chance ("cats", "hats", "."), so in text an import alone is not enough: it must
    be of names, and the pickle must keep or call what it imported.
    """
    cut = len(data) in {_LOOKED_AT, _LOOKED_AT_INSIDE}
    strict = cut or _is_text(data)
    marked = imported = runs = False
    before = ""
    try:
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            plausible = not strict or name not in _NAMING or _are_names(argument)
            if name in _IMPORTS and plausible:
                imported, runs = True, runs or not strict
            elif name in _CALLS_FROM_MARK:
                runs = runs or (marked and plausible)
            elif name in _CALLS or (name in _KEEPS and before in _IMPORTS):
                runs = runs or imported
            marked, before = marked or name == "MARK", name
    except Exception:  # noqa: BLE001  # whatever it cannot parse, it is no pickle; the parser promises no error type
        return runs and cut
    return runs


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _are_names(argument: object) -> bool:
    """Whether it is a module and a name in it, as the parser joins them: `os.path join`."""
    words = str(argument).split(" ")
    return len(words) == 2 and all(part.isidentifier() for word in words for part in word.split("."))
