"""actions/checkout: a real checkout of a repository on the forge (https://github.com/actions/checkout)."""

from __future__ import annotations

import base64
import uuid

from workflows.runner import permissions
from workflows.runner.errors import StepFailed, Unsupported


def checkout(use):
    job = use.job
    given = use.inputs(
        repository=job.repository.name,
        ref="",
        token=job.token,
        path=".",
        fetch_depth="1",
        fetch_tags="false",
        clean="true",
        sparse_checkout="",
        sparse_checkout_cone_mode="true",
        persist_credentials="true",
        submodules="false",
        lfs="false",
    )
    if given["submodules"] != "false" or given["lfs"] != "false" or given["clean"] != "true":
        raise Unsupported("actions/checkout with submodules, lfs or without clean")
    repository = _readable(job, given["repository"], given["token"])
    ref, sha = _wanted(job, repository, given["ref"])
    folder = (job.workspace / given["path"]).resolve()
    if not folder.is_relative_to(job.workspace):
        raise StepFailed(f"Repository path '{folder}' is not under '{job.workspace}'")
    folder.mkdir(parents=True, exist_ok=True)
    _fetch(job, repository, folder, sha, given)
    if use.flag(given["persist-credentials"]):
        _keep_token(job, folder, given["token"])
    return {"ref": ref, "commit": sha}


# GitHub answers "not found" where a token may not see a repository.
def _readable(job, name, token):
    repository, grant = job.forge.repositories.get(name), job.forge.tokens.find(token)
    readable = repository is not None and (
        not repository.private
        or (grant and grant.repository == name and permissions.allows(grant.permissions, "contents", "read"))
    )
    if not readable:
        raise StepFailed(f"repository 'https://github.com/{name}/' not found")
    return repository


def _wanted(job, repository, ref):
    if not ref and repository is job.repository:
        return job.run.event.ref, job.run.event.sha
    sha = repository.find(ref or "HEAD")
    if sha is None:
        raise StepFailed(f"A branch or tag with the name '{ref}' could not be found")
    return ref, sha


def _fetch(job, repository, folder, sha, given):
    git = job.forge.git
    git("init", "-q", folder)
    git("remote", "add", "origin", f"https://github.com/{repository.name}", cwd=folder)
    address = f"file://{repository.path}"
    if given["fetch-depth"] == "0":
        git("fetch", "-q", "--tags", address, "+refs/heads/*:refs/remotes/origin/*", sha, cwd=folder)
    else:
        tags = ["--tags"] if given["fetch-tags"] == "true" else ["--no-tags"]
        git("fetch", "-q", *tags, f"--depth={given['fetch-depth']}", address, sha, cwd=folder)
    if given["sparse-checkout"]:
        cone = "--cone" if given["sparse-checkout-cone-mode"] == "true" else "--no-cone"
        git("sparse-checkout", "set", cone, *given["sparse-checkout"].split(), cwd=folder)
    git("checkout", "-q", "--detach", sha, cwd=folder)


# In a file of its own below the temporary folder, which the checkout includes; it is there until the job ends:
# https://github.com/actions/checkout#checkout-v6
def _keep_token(job, folder, token):
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    file = job.temporary / f"git-credentials-{uuid.uuid4()}.config"
    git = job.forge.git
    git("config", "--file", file, "http.https://github.com/.extraheader", f"AUTHORIZATION: basic {secret}")
    git("config", "--local", f"includeIf.gitdir:{folder}/.git.path", file, cwd=folder)
    job.posts.append(file.unlink)
