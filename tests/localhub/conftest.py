"""The real client, in this process: Xet off before it is imported, because it reads the environment only then."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import subprocess

import pytest
from huggingface_hub import HfApi

from hubver.localhub import LocalHub

REPO = "acme/router"


@pytest.fixture
def hub(tmp_path):
    with LocalHub(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.url, token=hub.token)


@pytest.fixture
def repo(api):
    api.create_repo(REPO)
    return REPO


@pytest.fixture
def git_dir(hub, repo):
    return hub.root / "models" / repo / "repo.git"


class Git:
    """Stock git, away from the user's own configuration."""

    def __init__(self, home):
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "dev",
            "GIT_AUTHOR_EMAIL": "dev@example.org",
            "GIT_COMMITTER_NAME": "dev",
            "GIT_COMMITTER_EMAIL": "dev@example.org",
        }

    def run(self, *arguments, cwd=None):
        return subprocess.run(
            ["git", *map(str, arguments)],
            cwd=cwd or self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def __call__(self, *arguments, cwd=None):
        done = self.run(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, folder, name, content):
        (folder / name).write_bytes(content)
        self("add", name, cwd=folder)
        self("commit", "-q", "-m", f"add {name}", cwd=folder)
        return self("rev-parse", "HEAD", cwd=folder)


@pytest.fixture
def git(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Git(home)


@pytest.fixture
def url(hub, repo):
    return authorised(hub.url, hub.token) + "/" + repo


def authorised(url, token):
    return url.replace("http://", f"http://anyone:{token}@")


@pytest.fixture
def clone(git, url, tmp_path):
    git("clone", "-q", url, tmp_path / "clone")
    return tmp_path / "clone"
