"""A repository with a history of releases, and somebody who pushes past hubver."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING

import pytest
from histories import Repo
from release.conftest import WAYS
from stock_git import Git, authorised

from hubver.channel_settings import ChannelSettings
from hubver.doctor import doctor
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Published, Release
from hubver.hub.transport.way import connect
from hubver.localhub import LocalHub
from hubver.release import promote
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hubver.doctor import Report


@pytest.fixture
def way() -> str:
    """How refs move on the Hub of a test."""
    return "atomic git"


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of a Hub on which v1.0.0 and v1.1.0 were released in some way; made once for each. Copy it."""

    @cache
    def made(way: str) -> Path:
        root = tmp_path_factory.mktemp("released") / "hub"
        with LocalHub(root, switches=WAYS[way]) as hub:
            settings = Settings(endpoint=hub.url, token=hub.token)
            repo = Repo(Hub.of(settings), settings, "acme/router")
            repo.hub.create_repo(repo.repo_id)
            Patient(repo, settings).release("v1.0.0", "v1.1.0")
        return root

    return made


@pytest.fixture
def local_hub(released, way, tmp_path) -> Iterator[LocalHub]:
    shutil.copytree(released(way), tmp_path / "hub")
    with LocalHub(tmp_path / "hub", switches=WAYS[way]) as hub:
        yield hub


@dataclass
class Patient:
    """A repository, and the settings of whoever looks after it."""

    repo: Repo
    settings: Settings

    def publish(self, tag: str) -> str:
        """A run becomes a version, as `hubver push` has it."""
        sha = self.repo.version(tag)
        self.tell(tag, sha)
        return sha

    def tell(self, tag: str, sha: str) -> None:
        """Write the line of a push, and nothing else."""

        def event(_refs, state) -> Published:
            release = Release(sha=sha, version=tag)
            return Published(at=datetime.now(timezone.utc), actor="acme", state=state, release=release, run_id=tag)

        ledger.append(self.repo.hub, self.repo.repo_id, event)

    @property
    def released(self) -> list[str]:
        """The commits of v1.0.0 and v1.1.0, which is in production."""
        at = self.repo.refs().tags
        return [at["v1.0.0"], at["v1.1.0"]]

    def release(self, *tags: str) -> list[str]:
        """Publish, judge and promote some versions, one after the other."""
        shas = []
        for tag in tags:
            shas.append(self.publish(tag))
            self.repo.judge(shas[-1])
            promote(f"{self.repo.repo_id}@{tag}", settings=self.settings)
        return shas

    def doctor(self, **asked) -> Report:
        return doctor(self.repo.repo_id, settings=self.settings, **asked)

    def problems(self, **asked) -> list[tuple[str, str]]:
        return [(one.name, one.subject) for one in self.doctor(**asked).problems]


@pytest.fixture
def patient(repo, tmp_path) -> Patient:
    channels = {"staging": ChannelSettings(), "canary": ChannelSettings(gated=False)}
    settings = repo.settings.model_copy(update={"cache": tmp_path / "cache", "channels": channels})
    return Patient(repo, settings)


@dataclass
class Intruder:
    """Somebody who may write, and does so without hubver: by stock git, or by the HTTP API where git is not to be had."""

    repo: Repo
    git: Git | None
    remote: str

    def move(self, ref: str, sha: str | None) -> None:
        """Force a ref to a commit, or delete it."""
        hub, repo_id = self.repo.hub, self.repo.repo_id
        if self.git is not None:
            self.fetch()
            self.git("push", "-q", "--force", self.remote, f"{sha or ''}:{ref}")
            return
        kind, _, name = ref.removeprefix("refs/").partition("/")
        if kind == "heads" and sha is not None:
            hub.create_branch(repo_id, name, at=sha, move=True)
        elif kind == "heads":
            hub.delete_branch(repo_id, name)
        else:
            if name in self.repo.refs().tags:
                hub.delete_tag(repo_id, name)
            if sha is not None:
                hub.create_tag(repo_id, name, sha)

    def fetch(self) -> None:
        self.git("fetch", "-q", self.remote, "+refs/*:refs/*")

    def rewrite(self, change, *, ref: str = "refs/heads/ledger") -> None:
        """Write the ledger anew and force it: `change` turns an event's message into another, or into None to drop it."""
        self.fetch()
        head, same = "", True
        for commit in self.git("log", "--reverse", "--format=%H%n%B%x00", ref).split("\0")[:-1]:
            sha, _, before = commit.strip().partition("\n")
            message = change(before)
            same = same and message == before
            if same:
                head = sha
            elif message is not None:
                (self.git.home / "event.json").write_text(message.partition("\n\n")[2], encoding="utf-8")
                blob = self.git("hash-object", "-w", "event.json")
                tree = self.git("mktree", stdin=f"100644 blob {blob}\tevent.json\n")
                head = self.git("commit-tree", tree, *(["-p", head] if head else []), stdin=message)
        self.git("push", "-q", "--force", self.remote, f"{head}:{ref}")


@pytest.fixture
def intruder(repo, local_hub, tmp_path) -> Intruder:
    home = tmp_path / "intruder"
    home.mkdir()
    git = Git(home) if "git" in connect(repo.hub, repo.repo_id).name else None
    if git is not None:
        git("init", "-q", "--bare")
    return Intruder(repo, git, authorised(local_hub.url, local_hub.token) + f"/{repo.repo_id}")
