"""The folder of gates: which it is, by the digest of what it holds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = frozenset({"__pycache__", ".pytest_cache"})


def gates_digest(folder: Path) -> str:
    """sha256 over every file's path and content, caches and hidden folders aside."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        relative = path.relative_to(folder)
        hidden = any(part in _LEFT_OUT or part.startswith(".") for part in relative.parts)
        if hidden or path.suffix == ".pyc" or not path.is_file():
            continue
        total.update(f"{relative.as_posix()}\x00{_sha256(path)}\n".encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
