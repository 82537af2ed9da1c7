"""A real Hub, and a GitHub on loopback."""

from __future__ import annotations

import threading

import pytest
from histories import Repo
from relays import Github

from hubver.hub.client import Hub
from hubver.localhub import LocalHub
from hubver.settings import Settings


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with LocalHub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def github():
    with Github() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.open.set()
        server.shutdown()
        thread.join()
    assert server.invalid == []


@pytest.fixture(scope="module")
def make_repo(hub):
    """Make a model on the Hub."""

    def make(repo_id):
        settings = Settings(endpoint=hub.url, token=hub.token)
        made = Repo(Hub.of(settings), settings, repo_id)
        made.hub.create_repo(repo_id)
        return made

    return make
