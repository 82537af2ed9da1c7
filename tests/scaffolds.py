"""A user's project that `hubver init` is run in, and rows to ask about."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

COMMIT = "0123456789abcdef" * 2 + "01234567"
PIN = f"hubver/hubver@{COMMIT}"


@dataclass
class UsersProject:
    """A checkout of `acme/router-training`, in which `init` runs `hubver init`."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def init(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and everything that was printed."""
        self.capsys.readouterr()
        code = run(["init", "--pin", PIN, *arguments])
        return code, "".join(self.capsys.readouterr())

    def done(self, *arguments: str) -> dict[str, Any]:
        """The result as JSON, of a call that must succeed."""
        self.capsys.readouterr()
        code = run(["init", "--pin", PIN, "--json", *arguments])
        said, noted = self.capsys.readouterr()
        assert code == 0, noted
        return json.loads(said)

    def files(self) -> dict[str, bytes]:
        """Everything that lies in the project, git's own aside."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        }


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def checkout(root: Path) -> Path:
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "remote", "add", "origin", "git@github.com:acme/router-training.git")
    return root


def tickets(number: int = 12) -> list[dict[str, str]]:
    """Rows that gates can ask about, in two slices."""
    return [
        {"prompt": f"Ticket {n}: my parcel is late\nRoute:", "completion": " delivery", "queue": ("a", "b")[n % 2]}
        for n in range(number)
    ]


def lines(*rows: object) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)
