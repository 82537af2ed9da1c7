"""The parser, once for all tests of workflows, and a forge for each."""

from __future__ import annotations

import textwrap

import node_packages
import pytest
from tools import needs
from workflows.github_api import GithubApi
from workflows.runner import SCRIPTS, Forge, Node


@pytest.fixture(scope="session")
def node(request):
    needs("node", "npm")
    running = Node(node_packages.install(request.config.cache.mkdir("npm"), SCRIPTS))
    yield running
    running.close()


@pytest.fixture
def forge(tmp_path, node):
    with Forge(tmp_path / "forge", node) as running:
        yield running


@pytest.fixture
def github(forge):
    """GitHub's API; no request of the test may have been one that GitHub does not describe."""
    with GithubApi(forge) as api:
        yield api
    assert api.invalid == []


@pytest.fixture
def run(forge):
    """Runs the jobs that are given as YAML, by hand, in a repository of their own; answers the finished run."""

    def start(jobs, *, top="", inputs=None, dispatch="", files=None, **settings):
        more = {path: textwrap.dedent(content) for path, content in (files or {}).items()}
        repository = forge.repository("acme/router", {".github/workflows/w.yml": file(jobs, top, dispatch), **more})
        for name, value in settings.items():
            setattr(repository, name, value)
        return forge.workflow_dispatch(repository, "w.yml", inputs).wait()

    return start


def file(jobs, top="", dispatch=""):
    """A workflow that is started by hand, with jobs given by their YAML."""
    lines = ["on:", f"  workflow_dispatch: {dispatch}", textwrap.dedent(top), "jobs:"]
    return "\n".join([*lines, textwrap.indent(textwrap.dedent(jobs), "  ")])
