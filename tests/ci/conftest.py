"""A job of GitHub in this process: its environment, its files, and a GitHub on a port."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from job_files import outputs_of
from loopback_github import LoopbackGithub

from hubver.cli.main import run
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIN = "c0ffee" + "0" * 34
QUICK = "def test_plain(): pass\n"


@dataclass
class Job:
    """One job's steps.

    Attributes:
        github: what GitHub was asked.
        root: the project that the job has checked out.
        outputs: those of the last step.
        summary: that of the last step.
        said: what the last step printed: on standard output, and on standard error.
    """

    github: LoopbackGithub
    root: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    said: tuple[str, str] = ("", "")

    def event(self, name: str, payload: object = None) -> None:
        """What started the run."""
        path = self.root.parent / "event.json"
        path.write_text(payload if isinstance(payload, str) else json.dumps(payload or {}))
        self.monkeypatch.setenv("GITHUB_EVENT_NAME", name)
        self.monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))

    def step(self, *arguments: object) -> int:
        """Run `hubver ci` as a step of its own; answers its exit code."""
        output, summary = self.root.parent / "output", self.root.parent / "summary"
        output.write_text("")
        summary.write_text("")
        self.capsys.readouterr()
        code = run(["ci", *map(str, arguments)])
        captured = self.capsys.readouterr()
        self.said = (captured.out, captured.err)
        self.outputs = self.outputs_now()
        self.summary = summary.read_text()
        return code

    def outputs_now(self) -> dict[str, str]:
        return outputs_of((self.root.parent / "output").read_text())

    def settings(self) -> Settings:
        return Settings.load()


@pytest.fixture
def job(local_hub, tmp_path, monkeypatch, capsys) -> Iterator[Job]:
    root = tmp_path / "project"
    (root / "gates").mkdir(parents=True)
    (root / "gates" / "test_quality.py").write_text(QUICK)
    monkeypatch.chdir(root)
    with LoopbackGithub() as github:
        github.commits = {MAIN}
        environment = {
            **local_hub.environment(),
            "HF_TOKEN": local_hub.token,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "octo",
            "GITHUB_API_URL": github.url,
            "GITHUB_SERVER_URL": "https://github.example.org",
            "GITHUB_REPOSITORY": "acme/router-training",
            "GITHUB_SHA": MAIN,
            "GITHUB_RUN_ID": "7",
            "GITHUB_TOKEN": "ghs_job",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for name in ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "HUBVER_GITHUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield Job(github, root, monkeypatch, capsys)
