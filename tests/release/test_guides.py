"""The guides to channels and to retention do what they say. A gate's verdict is written as the gate would."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubver.cli.main import run
from hubver.gates_folder import gates_digest
from hubver.localhub import LocalHub
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def local_hub(tmp_path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def project(repo, local_hub, tmp_path, monkeypatch):
    """A project with gates, where two versions are published."""
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for folder in ("gates", "gates/quick"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test_quality.py").write_text("def test_quality(): ...\n", encoding="utf-8")
    for tag in ("v1.0.0", "v1.1.0"):
        repo.version(tag)
    return tmp_path


def commands(page: str) -> list[str]:
    text = (GUIDE / page).read_text(encoding="utf-8")
    return [line[2:] for kind, body in FENCE.findall(text) if kind == "console" for line in body.splitlines()]


def judge(repo, target: str, channel: str = "production") -> None:
    settings = Settings.load().on_channel(channel)
    own = {"gates_digest": gates_digest(settings.gates_directory), "tasks_digest": settings.tasks_digest}
    repo.judge(repo.refs().tags[target.partition("@")[2]], baseline=channel, channel=channel, **own)


def test_the_guide_to_channels_does_what_it_says(repo, project, capsys):
    toml, apart = [body for kind, body in FENCE.findall((GUIDE / "channels.md").read_text()) if kind == "text"]
    (project / "hubver.toml").write_text(toml, encoding="utf-8")
    for channel in ("staging", "production"):
        judge(repo, "acme/router@v1.0.0", channel)
        assert run(["promote", "acme/router@v1.0.0", "--to", channel]) == 0
    for command in commands("channels.md"):
        words = shlex.split(command)[1:]
        if words[0] == "gate":
            judge(repo, words[1], *words[3:4])
        else:
            assert run(words) == 0, f"{command}\n{capsys.readouterr().err}"
    refs = repo.refs()
    assert refs.branches["staging"] == refs.branches["production"] == refs.tags["rollback/1-v1.0.0"]
    assert refs.branches["canary"] == refs.tags["v1.1.0"]
    assert "rollback/staging/1-v1.0.0" in refs.tags
    (project / "hubver.toml").write_text(apart, encoding="utf-8")
    repo.hub.create_repo("acme/router-production")
    judge(repo, "acme/router@v1.0.0")
    assert run(["promote", "acme/router@v1.0.0"]) == 0
    assert "a copy of acme/router at" in capsys.readouterr().out
    assert run(["rollback", "acme/router"]) == 2
    assert "Go back there: hubver rollback acme/router-production" in capsys.readouterr().err


def test_the_guide_to_retention_runs(project, capsys):
    for command in commands("retention.md"):
        assert run(shlex.split(command)[1:]) == 0, f"{command}\n{capsys.readouterr().err}"
