"""Which gates judged: the digest of their folder, and the commit it is at."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from hubver.gate.verdict import GatesCode
from hubver.gates_folder import gates_digest

if TYPE_CHECKING:
    from pathlib import Path


def gates_code(folder: Path) -> GatesCode:
    """Describe a gates folder.

    Returns:
        The digest covers every file's path and content, caches and hidden folders aside. Commit and dirty are None
        outside a git repository.
    """
    status = _git(folder, "status", "--porcelain", "--", ".")
    return GatesCode(
        digest=gates_digest(folder),
        commit=_git(folder, "rev-parse", "--verify", "HEAD"),
        dirty=None if status is None else bool(status),
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
