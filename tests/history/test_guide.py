"""The guide to status, log, history and export does what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from ledgers import Book, write

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "releases.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_guide_to_releases_does_what_it_says(repo, hubver, tmp_path, capsys):
    book = Book()
    book.hours = -5  # of the guide's noon
    book.promote(1)
    book.hours = 5
    book.promote(2)
    book.promote(2, "staging")
    write(repo, book)
    lines = [line[2:] for body in blocks("console") for line in body.splitlines()]
    commands = [line for line in lines if not line.startswith("hubver smoke")]  # tried beside it, on a real model
    assert len(commands) == 11
    said = {command: hubver(*shlex.split(command)[1:]) for command in commands}
    then = said["hubver history acme/router --at 2026-11-01T12:00Z"]
    assert then.startswith("v1.1.0 was in production then")
    assert "Nothing was in staging then" in said['hubver history acme/router --channel staging --at "2026-11-01 12:00"']
    assert "still holds all of them" in said["hubver export --check router-ledger.bundle acme/router"]
    (script,) = blocks("bash")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_PAGER": ""},
    )
    assert done.returncode == 0, done.stderr
    assert "promote v1.2.0 → staging" in done.stdout
    (snippet,) = [body for body in blocks("python") if "def test_" not in body]
    exec(snippet, {})  # what the reader would run
    assert capsys.readouterr().out.startswith(f"v1.1.0 {1:040x} ")
