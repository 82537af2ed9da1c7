"""The demo, run once as a user runs it and kept; tests look at what it left, or go on from a copy of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from hubver.hub.client import Hub
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REPO = "acme/router"


def run(*arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `hubver` as a process of its own."""
    return python("-m", "hubver", *arguments, cwd=cwd, env=env)


def python(*arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python as a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )


@dataclass(frozen=True)
class Road:
    """What `hubver demo --keep` left.

    Attributes:
        folder: with `hub`, `project`, `base` and `cache`.
        output: what it printed.
    """

    folder: Path
    output: str


@dataclass(frozen=True)
class Travelled:
    """A copy of the road with its Hub running, to go on from."""

    project: Path
    env: dict[str, str]
    settings: Settings

    @property
    def hub(self) -> Hub:
        return Hub.of(self.settings)

    def hubver(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, cwd=self.project, env=self.env)

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        return python("-c", code, cwd=self.project, env=self.env)


@pytest.fixture(scope="session")
def road(shared) -> Road:
    folder = shared / "road"
    log = shared / "road.log"
    with FileLock(str(folder) + ".lock"):
        if not log.exists():
            done = run("demo", "--keep", str(folder), cwd=shared, env={})
            assert done.returncode == 0, done.stdout + done.stderr
            log.write_text(done.stdout, encoding="utf-8")
    return Road(folder, log.read_text(encoding="utf-8"))


@pytest.fixture
def travelled(road, tmp_path) -> Iterator[Travelled]:
    from hubver.localhub import LocalHub

    shutil.copytree(road.folder / "hub", tmp_path / "hub")
    shutil.copytree(road.folder / "project", tmp_path / "project")
    with LocalHub(tmp_path / "hub") as hub:
        env = {**hub.environment(), "HF_HOME": str(tmp_path / "cache"), "TRANSFORMERS_VERBOSITY": "error"}
        yield Travelled(tmp_path / "project", env, Settings(endpoint=hub.url, token=hub.token))


@pytest.fixture
def hubver_here(travelled, in_this_process, monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """Run `hubver` on the road in this process, its gates too; answers its exit code and what it printed."""
    from hubver.cli.main import run

    monkeypatch.chdir(travelled.project)
    for name, value in travelled.env.items():
        monkeypatch.setenv(name, value)

    def here(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(list(arguments))
        return code, "".join(capsys.readouterr())

    return here
