"""Which gates judged: the digest of their folder, and the commit it is at."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from hubver.gate.verdict import GatesCode

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = frozenset({"__pycache__", ".pytest_cache"})


def gates_code(folder: Path) -> GatesCode:
    """Describe a gates folder.

    Returns:
        The digest covers every file's path and content, caches and hidden folders aside. Commit and dirty are None
        outside a git repository.
    """
    status = _git(folder, "status", "--porcelain", "--", ".")
    return GatesCode(
        digest=_digest(folder),
        commit=_git(folder, "rev-parse", "--verify", "HEAD"),
        dirty=None if status is None else bool(status),
    )


def _digest(folder: Path) -> str:
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


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
