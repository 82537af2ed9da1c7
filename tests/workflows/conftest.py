"""The parser, once for all tests of workflows, and a forge for each."""

from __future__ import annotations

import os
import subprocess
import tempfile
import textwrap
from contextlib import ExitStack
from pathlib import Path

import node_packages
import pytest
from oidc_issuer import Issuer
from tools import needs
from workflows import flow
from workflows.github_api import GithubApi
from workflows.runner import SCRIPTS, Forge, Node
from workflows.warm import WarmPython

from hubver.localhub import LocalHub


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


@pytest.fixture(scope="session")
def issuer():
    return Issuer()


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    if not hasattr(os, "pidfd_open"):
        pytest.skip("needs Linux")
    # A socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        running = WarmPython(Path(folder), flow.ROOT)
        yield running
        running.close()


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory, warm):
    """Folders of a base model and of adapters on it, and rows that one of them answers as expected."""
    folder = tmp_path_factory.mktemp("models")
    script = flow.ROOT / "tests/workflows/tiny_models.py"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(flow.ROOT / "tests")}
    subprocess.run([warm.bin / "python", script, folder], env=environment, check=True, timeout=120, capture_output=True)
    return folder


@pytest.fixture
def lay(tmp_path, node, issuer, warm, tiny_models):
    """Lays a line from a project on the forge to production on a Hub."""
    with ExitStack() as stack:
        hub = stack.enter_context(LocalHub(tmp_path / "hub", trust=flow.trust(issuer)))
        path = f"{warm.bin}:{os.environ['PATH']}"
        environment = {"HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}
        forge = Forge(tmp_path / "forge", node, issuer=issuer, environment=environment, path=path)
        github = stack.enter_context(GithubApi(stack.enter_context(forge)))
        yield lambda **options: flow.Line.laid(forge, github, hub, tiny_models, tmp_path / "project", **options)
    assert github.invalid == []
