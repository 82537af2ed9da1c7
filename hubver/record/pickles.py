"""Tell a pickle by its content, without reading it as one."""

from __future__ import annotations

import pickletools
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# The opcodes by which a pickle imports and calls; one that has none of them is only data.
_CODE = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD", "EXT1", "EXT2"})
_LOOKED_AT = 1 << 20


def is_pickle(file: Path) -> bool:
    """Whether a file is a pickle of protocol 2 or later, a zip that holds one (torch), or an old one that holds code.

    Protocols 0 and 1 have no magic number and look like text, so only those that could run something count.
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
    runs = False
    try:
        for opcode, _, _ in pickletools.genops(data):
            runs = runs or opcode.name in _CODE
    except Exception:  # noqa: BLE001  # whatever it cannot parse, it is no pickle; the parser promises no error type
        return False
    return runs
