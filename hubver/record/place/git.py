"""Questions to git about a checkout. It is asked to take no lock, so that a training never stops somebody's commit."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def text(directory: Path, *arguments: str) -> str | None:
    """What git answers, stripped; None where it fails."""
    output = raw(directory, *arguments)
    return None if output is None else output.decode("utf-8", "replace").strip()


def names(directory: Path, *arguments: str) -> tuple[str, ...]:
    """The paths of a listing that was asked for with `-z`; none where git fails."""
    output = raw(directory, *arguments) or b""
    return tuple(name.decode("utf-8", "surrogateescape") for name in output.split(b"\0") if name)


def raw(directory: Path, *arguments: str) -> bytes | None:
    """What git answers, or None where it fails or is not installed. It is asked nothing that it would ask back."""
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
