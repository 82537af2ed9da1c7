"""Running one test file of a checkout in a pytest of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from witness.outside import NO_XET, PRODUCTION, elsewhere, reason
from witness.plugin import ENDPOINT, NOTES

if TYPE_CHECKING:
    from hubver.localhub import LocalHub

OUTCOMES = ("passed", "failed", "skipped", "not applicable")


@dataclass(frozen=True)
class Test:
    """One test: its name in its file, what came of it (one of `OUTCOMES`), and why if it did not pass."""

    name: str
    outcome: str
    detail: str


@dataclass
class FileResult:
    """What came of one file."""

    file: str
    tests: list[Test] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        """How many of its tests came to `outcome`."""
        return sum(test.outcome == outcome for test in self.tests)


def run_file(checkout: Path, file: str, hub: LocalHub, options: list[str], limit_s: float) -> FileResult:
    """Run a file against a Hub.

    Args:
        checkout: of huggingface_hub.
        file: name of a file in its `tests` folder.
        hub: running.
        options: further arguments for pytest.
        limit_s: seconds after which the file is stopped; its test that runs then is a failure.
    """
    command = [sys.executable, "-m", "pytest", "-p", "witness.plugin", "-o", "env=", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=-Werror::FutureWarning --strict-markers -q", f"tests/{file}", *options]
    with tempfile.TemporaryDirectory(prefix="witness-") as folder:
        notes, log = Path(folder) / "notes", Path(folder) / "log"
        notes.touch()
        with log.open("wb") as output:
            ended = _run(command, checkout, _environment(hub, Path(folder), notes), output, limit_s)
        # With 2 pytest ends where it could not load the file, which is noted as such.
        if ended == "pytest ended with status 2" and notes.stat().st_size:
            ended = ""
        tests = [_judged(json.loads(line)) for line in notes.read_text(encoding="utf-8").splitlines()]
        if ended:
            tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            tests.append(Test("(the whole file)", "failed", " ".join([ended, *tail])))
    return FileResult(file, tests)


def _run(command: list[str], folder: Path, environment: dict[str, str], output: IO[bytes], limit_s: float) -> str:
    """Run pytest, and answer how it ended otherwise than by telling of tests; empty if it did not."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=output, stderr=output, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {limit_s:.0f} seconds"
    # 1: some have failed; 5: there are none.
    return "" if done.returncode in {0, 1, 5} else f"pytest ended with status {done.returncode}"


def _environment(hub: LocalHub, home: Path, notes: Path) -> dict[str, str]:
    """The caller's environment without what it tells the client, and with the Hub as the client's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "PYTEST_"))}
    if shutil.which("git-lfs"):
        kept["RUN_GIT_LFS_TESTS"] = "1"
    return {
        **kept,
        **{name: value for name, value in hub.environment().items() if name != "HF_TOKEN"},
        "HF_HOME": str(home / "hf"),
        "HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        ENDPOINT: hub.url,
        NOTES: str(notes),
    }


def _judged(note: dict[str, Any]) -> Test:
    test = note["test"].removeprefix("tests/")
    name = test.partition("::")[2] or "(the whole file)"
    outcome, detail = note["outcome"], note["detail"]
    if outcome == "skipped":
        return Test(name, "not applicable" if detail in (NO_XET, PRODUCTION) else "skipped", detail)
    beyond = elsewhere(note.get("hosts", ()))
    if outcome == "failed":
        beyond = beyond or reason(test, detail, note.get("requests", ()))
    return Test(name, "not applicable", f"{beyond} ({outcome})") if beyond else Test(name, outcome, detail)
