"""actions/setup-python: the interpreter that the test has chosen (https://github.com/actions/setup-python)."""

from __future__ import annotations

import sys

from workflows.runner.errors import StepFailed
from workflows.runner.globs import find_files

_LISTS = {"pip": ["**/requirements.txt", "**/pyproject.toml"]}


def setup_python(use):
    job = use.job
    given = use.inputs(
        python_version="",
        python_version_file="",
        cache="",
        cache_dependency_path="",
        architecture="x64",
        check_latest="false",
        token="",
        update_environment="true",
        allow_prereleases="false",
    )
    if not given["python-version"] and not given["python-version-file"]:
        raise StepFailed("neither 'python-version' nor 'python-version-file' is given: the version would be any")
    file = given["python-version-file"]
    if file and not (job.workspace / file).is_file():
        raise StepFailed(f"The specified python version file at: {file} doesn't exist.")
    if given["cache"]:
        _check_lists(job, given["cache"], given["cache-dependency-path"])
    job.path.insert(0, str(job.forge.python))
    job.environment["pythonLocation"] = str(job.forge.python.parent)
    version = ".".join(map(str, sys.version_info[:3]))
    return {"python-version": version, "python-path": job.forge.python / "python", "cache-hit": "false"}


def _check_lists(job, kind, written):
    patterns = [written] if written else _LISTS.get(kind, [])
    if not find_files(job.workspace, patterns):
        shown = " or ".join(patterns)
        raise StepFailed(
            f"No file in {job.workspace} matched to [{shown}], make sure you have checked out the target repository"
        )
