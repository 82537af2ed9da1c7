"""What is attested and published is what was built, whatever a job between them did to the artifact."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

WORKFLOW = Path(__file__).parents[2] / ".github" / "workflows" / "release.yml"
WHEEL, SOURCE = "hubver-1.0.0-py3-none-any.whl", "hubver-1.0.0.tar.gz"


@pytest.fixture(scope="module")
def jobs():
    return yaml.safe_load(WORKFLOW.read_text())["jobs"]


def run(step, dist, **env):
    """One step's script, as the runner runs it where the shell is bash."""
    assert step["working-directory"] == "dist"
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=dist, env={"PATH": os.environ["PATH"], **env}, capture_output=True, check=False)


@pytest.fixture
def dist(tmp_path):
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / WHEEL).write_bytes(b"wheel")
    (folder / SOURCE).write_bytes(b"source")
    return folder


@pytest.fixture
def digests(jobs, dist, tmp_path):
    """What `build` told the jobs after it."""
    told = tmp_path / "output"
    [step] = [step for step in jobs["build"]["steps"] if step.get("id") == "digests"]
    assert run(step, dist, GITHUB_OUTPUT=str(told)).returncode == 0
    first, *lines, last = told.read_text().splitlines()
    assert (first, last, len(lines)) == ("digests<<END", "END", 2)
    return "\n".join(lines)


def nothing(dist):
    pass


def another_wheel(dist):
    (dist / WHEEL).write_bytes(b"evil")


def one_more(dist):
    (dist / "hubver-1.0.0-cp312-cp312-manylinux_2_28_x86_64.whl").write_bytes(b"evil")


def one_less(dist):
    (dist / SOURCE).unlink()


@pytest.mark.parametrize("job", ["attest", "publish"])
@pytest.mark.parametrize("change", [nothing, another_wheel, one_more, one_less])
def test_only_what_was_built_goes_out(jobs, dist, digests, job, change):
    *before, step, out = jobs[job]["steps"]
    assert [each["uses"].partition("@")[0] for each in before] == ["actions/download-artifact"]
    assert out["uses"].startswith(("actions/attest@", "pypa/gh-action-pypi-publish@"))
    assert step["env"] == {"DIGESTS": "${{ needs.build.outputs.digests }}"}
    assert "build" in jobs[job]["needs"]
    change(dist)
    done = run(step, dist, DIGESTS=digests)
    assert (done.returncode == 0) == (change is nothing), done.stdout


def test_nothing_goes_out_where_nothing_was_told(jobs, dist):
    for job in ("attest", "publish"):
        assert run(jobs[job]["steps"][-2], dist, DIGESTS="").returncode != 0
