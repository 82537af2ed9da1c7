"""A Hub that the tests of one module share, and the clients that talk to it; repos have names of their own."""

from __future__ import annotations

import itertools

import pytest
from huggingface_hub import HfApi
from stock_git import Git

from hubver.localhub import LocalHub

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with LocalHub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def api(hub):
    return HfApi(endpoint=hub.url, token=hub.token)


@pytest.fixture
def name(hub):
    """A repo id that no other test uses."""
    return f"{hub.user}/repo-{next(_NUMBERS)}"


@pytest.fixture
def repo(api, name):
    api.create_repo(name)
    return name


@pytest.fixture
def git(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Git(home)
