"""The real client, in this process: Xet off before it is imported, because it reads the environment only then."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import pytest
from huggingface_hub import HfApi
from stock_git import Git, authorised

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


@pytest.fixture
def git(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Git(home)


@pytest.fixture
def url(hub, repo):
    return authorised(hub.url, hub.token) + "/" + repo


@pytest.fixture
def refs(api, repo):
    """Answers where each ref of the repo is, by its full name."""

    def read():
        listed = api.list_repo_refs(repo, include_pull_requests=True)
        return {r.ref: r.target_commit for r in [*listed.branches, *listed.tags, *listed.pull_requests]}

    return read


@pytest.fixture
def clone(git, url, tmp_path):
    git("clone", "-q", url, tmp_path / "clone")
    return tmp_path / "clone"
