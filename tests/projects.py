"""A project with a model on an embedded Hub, and gates to judge it by."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi
from pydantic import SecretStr

from hubver.gate.running import child
from hubver.gate.running.runner import run
from hubver.pins import Pin, resolve
from hubver.settings import Settings
from hubver.smoke import probe

if TYPE_CHECKING:
    from pathlib import Path

REPO = "acme/router"


@dataclass
class Project:
    """A repository with v1.0.0 in production and v1.1.0 as the candidate, and a folder of gates."""

    settings: Settings
    api: HfApi
    gates: Path
    out: Path

    def pin(self, revision: str) -> Pin:
        return resolve(f"{REPO}@{revision}", settings=self.settings)

    def write(self, body: str, *, conftest: str = "") -> None:
        (self.gates / "test_quality.py").write_text(body)
        (self.gates / "conftest.py").write_text(conftest)

    def run(self, body: str, *, conftest: str = "", baseline: str | None = "production", **options):
        self.write(body, conftest=conftest)
        pinned = self.pin(baseline) if baseline else None
        return run(self.settings, self.pin("v1.1.0"), pinned, self.gates, self.out, **options)

    def judge(self, body: str, **options):
        return self.run(body, **options).verdict


@pytest.fixture
def project(local_hub, tiny, tmp_path) -> Project:
    settings = Settings(endpoint=local_hub.url, token=SecretStr(local_hub.token), root=tmp_path)
    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    base = "acme/base"
    api.create_repo(base)
    api.upload_folder(repo_id=base, folder_path=tiny.base)
    base_sha = api.repo_info(base).sha
    api.create_repo(REPO)
    for name, seed, tag in (("two", 2, "v1.0.0"), ("one", 1, "v1.1.0")):
        folder = shutil.copytree(tiny.adapter(name, seed=seed), tmp_path / name)
        config = folder / "adapter_config.json"
        text = config.read_text().replace(str(tiny.base), base).replace('"revision": null', f'"revision": "{base_sha}"')
        config.write_text(text)
        api.upload_folder(repo_id=REPO, folder_path=folder)
        api.create_tag(REPO, tag=tag)
    api.create_branch(REPO, branch="production", revision="v1.0.0")
    gates = tmp_path / "gates"
    gates.mkdir()
    return Project(settings, api, gates, tmp_path / "out")


@pytest.fixture(scope="session")
def torch_is_loaded():
    """For tests with pytester, which forgets what was imported since it was made: torch cannot be imported twice."""
    import peft  # noqa: F401  # brings torch and transformers


@pytest.fixture
def in_this_process(torch_is_loaded, pytester, monkeypatch):
    """Gates and smoke tests run here, where torch is loaded already, for tests of anything but the process that they run in.

    A child takes as long to load torch, transformers and peft as ten of these gates take to judge.
    """

    def here(command, settings, progress, _timeout_seconds):
        with monkeypatch.context() as patch:
            patch.chdir(settings.root)
            patch.setenv("HF_ENDPOINT", settings.endpoint)
            if settings.token is not None:
                patch.setenv("HF_TOKEN", settings.token.get_secret_value())
            if "pytest" not in command:
                patch.setattr(sys, "argv", command[command.index("hubver.smoke.probe") :])
                probe.main()
                return 0, deque()
            done = pytester.runpytest_inprocess(*command[command.index("pytest") + 1 :])
        for line in done.outlines:
            if progress is not None and line.startswith(child.PROGRESS):
                progress(line.removeprefix(child.PROGRESS))
        return int(done.ret), deque(done.outlines)

    monkeypatch.setattr(child, "run", here)
