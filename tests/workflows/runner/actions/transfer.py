"""actions/upload-artifact and actions/download-artifact, of one run."""

from __future__ import annotations

import fnmatch
import os
import shutil
from pathlib import Path

from workflows.runner.errors import StepFailed
from workflows.runner.globs import find_files, lines, split


def upload(use):
    """https://github.com/actions/upload-artifact"""
    job = use.job
    given = use.inputs(
        name="artifact",
        path="",
        if_no_files_found="warn",
        retention_days="",
        compression_level="6",
        overwrite="false",
        include_hidden_files="false",
    )
    patterns = lines([given["path"]])
    if not patterns:
        raise StepFailed("Input required and not supplied: path")
    files = find_files(job.workspace, [given["path"]], hidden=use.flag(given["include-hidden-files"]))
    if not files:
        return _nothing_found(job, given)
    root = _root(job.workspace, patterns, files)
    named = {os.path.relpath(file, root): file for file in files}
    overwrite = use.flag(given["overwrite"])
    number, digest = job.run.artifacts.add(given["name"], named, overwrite=overwrite)
    url = f"https://github.com/{job.repository.name}/actions/runs/{job.run.number}/artifacts/{number}"
    return {"artifact-id": number, "artifact-url": url, "artifact-digest": digest}


def _nothing_found(job, given):
    message = f"No files were found with the provided path: {given['path']}. No artifacts will be uploaded."
    if given["if-no-files-found"] == "error":
        raise StepFailed(message)
    if given["if-no-files-found"] == "warn":
        job.annotate("warning", message)
    return {}


# "If multiple paths are provided as input, the least common ancestor of all the search paths will be used as the root
# directory of the artifact"; the search path of a wildcard is what stands before it.
def _root(workspace, patterns, files):
    searched = [split(workspace, pattern)[0] for pattern in patterns if not pattern.startswith("!")]
    root = Path(os.path.commonpath(searched))
    return root.parent if files == {root} else root


def download(use):
    """https://github.com/actions/download-artifact"""
    job = use.job
    given = use.inputs(name="", path=".", pattern="", merge_multiple="false")
    target = job.workspace / given["path"]
    artifacts = job.run.artifacts
    if given["name"]:
        if given["name"] not in artifacts.names():
            raise StepFailed(
                f"Unable to download artifact(s): Artifact not found for name: {given['name']}\n"
                "Please ensure that your artifact is not expired and the artifact was uploaded using a compatible version"
            )
        chosen, flat = [given["name"]], True
    else:
        chosen = [name for name in artifacts.names() if fnmatch.fnmatchcase(name, given["pattern"] or "*")]
        flat = use.flag(given["merge-multiple"])
    target.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        shutil.copytree(artifacts.folder(name), target if flat else target / name, dirs_exist_ok=True)
    job.log(f"Total of {len(chosen)} artifact(s) downloaded")
    return {"download-path": target}
