"""Tell a pickle by its content, without reading it as one."""

from __future__ import annotations

import pickletools
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def is_pickle(file: Path) -> bool:
    """Whether a file is a pickle of protocol 2 or later, a zip that holds one (torch), or an old one that runs code.

    Protocols 0 and 1 have no magic number and may look like text, so only those that could run something count, and
    of text only what no writer of words would write.
    """
    with file.open("rb") as opened:
        head = opened.read(2)
        if head == b"PK":
            return _zip_holds_pickle(file)
        # PROTO 2 to 5: no UTF-8 text begins like this (pickletools, opcode PROTO).
        if head[:1] == b"\x80":
            return len(head) == 2 and 2 <= head[1] <= 5
        opened.seek(0)
        return _runs_code(opened.read(_LOOKED_AT))


def _zip_holds_pickle(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith((".pkl", ".pickle")) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _runs_code(data: bytes) -> bool:
    """Whether it can be parsed to its end, as far as that was read, and runs something on the way.

    Lines of words make an import by chance ("cats", "hats", "."), so in text an import alone is not enough: it must
    be of names, and the pickle must keep or call what it imported.
    """
    cut = len(data) == _LOOKED_AT
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
