"""Tells a wheel which commit it was built from, so that `hubver init` can pin the workflows of exactly that commit."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Beside the module that reads it: hubver/ci/scaffold/origin.py.
_INSIDE = "hubver/ci/scaffold/commit.txt"


class CommitHook(BuildHookInterface):
    """Adds the commit to a source distribution or wheel that is built from a clean checkout.

    A wheel built from a source distribution finds the file there already; an editable install asks git when it is
    needed, because its commit changes. Nothing is written into the working tree.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file."""
        commit = None if version == "editable" else _commit(Path(self.root))
        if commit is not None:
            path = Path(tempfile.mkdtemp(prefix="hubver-build-")) / "commit.txt"
            path.write_text(f"{commit}\n", encoding="ascii")
            build_data["force_include"][str(path)] = _INSIDE

    def finalize(self, _version: str, build_data: dict[str, Any], _artifact_path: str) -> None:
        """Remove the temporary copy."""
        for name, inside in build_data["force_include"].items():
            if inside == _INSIDE:
                Path(name).unlink()
                Path(name).parent.rmdir()


def _commit(root: Path) -> str | None:
    """The commit of a checkout in which no tracked file was changed; None if it is another's or none."""
    top = _git(root, "rev-parse", "--show-prefix") == ""
    clean = _git(root, "status", "--porcelain", "--untracked-files=no") == ""
    return _git(root, "rev-parse", "HEAD") if top and clean else None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
