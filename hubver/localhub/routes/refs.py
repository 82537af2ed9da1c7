"""Branches and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from hubver.localhub.errors import bad_request, conflict, revision_not_found
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import MAIN, RefChange, RefusedChanges
from hubver.localhub.repos.repository import Repository, write_commit, write_tag
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from starlette.routing import Route

_LISTED = {"refs/heads/": "branches", "refs/tags/": "tags", "refs/convert/": "converts", "refs/pr/": "pullRequests"}


def listing(call: Call) -> Response:
    """List branches and tags, and with `include_prs` the pull requests; annotated tags show their commit."""
    listed: dict[str, list[dict[str, str]]] = {name: [] for name in _LISTED.values()}
    for ref, value in call.repo().refs.read().items():
        for prefix, group in _LISTED.items():
            if ref.startswith(prefix):
                name = ref if group == "pullRequests" else ref[len(prefix) :]
                listed[group].append({"name": name, "ref": ref, "targetCommit": value.commit})
    if call.query("include_prs") not in {"1", "true"}:
        listed.pop("pullRequests")
    return JSONResponse(listed)


def create_branch(call: Call) -> Response:
    """Create a branch; with `overwrite` move one that exists, fast-forward or not, to another starting point."""
    repo = call.repo_to_write()
    body = call.json()
    name = call.param("branch")
    if name.startswith("refs/"):
        raise bad_request(f"Invalid branch name: {name}")
    ref = f"refs/heads/{name}"
    start, empty = body.get("startingPoint"), bool(body.get("emptyBranch"))
    with repo.lock, repo.objects() as store:
        present = repo.refs.read().get(ref)
        if present and not body.get("overwrite"):
            raise conflict(f"Reference {ref} already exists")
        if present and ref == MAIN and not call.hub.switches.overwrite_main:
            raise bad_request("The branch main cannot be overwritten")
        if present and not start and not empty:
            return Response()
        target = _empty_commit(call, store) if empty else repo.resolve(start or MAIN)
        change = RefChange(ref, present.target if present else None, target)
        _move(repo, store, change, quietly=not call.hub.switches.webhooks_on_branch_api)
    return Response(status_code=call.hub.switches.branch_status)


def _empty_commit(call: Call, store: BaseObjectStore) -> str:
    return write_commit(store, trees.edit(store, None, {}), [], call.author().name, "initial commit")


def delete_branch(call: Call) -> Response:
    """Delete a branch other than main."""
    name = call.param("branch")
    if name == "main":
        raise bad_request(f"Cannot delete {MAIN}")
    return _delete(call, f"refs/heads/{name}", name)


def create_tag(call: Call) -> Response:
    """Tag a revision; a message makes the tag an annotated one."""
    repo = call.repo_to_write()
    body = call.json()
    name = call.text(body, "tag")
    ref = f"refs/tags/{name}"
    with repo.lock, repo.objects() as store:
        target = repo.resolve(call.param("revision"))
        if ref in repo.refs.read():
            raise conflict(f"Tag reference exists already: {ref}")
        if body.get("message"):
            target = write_tag(store, name, target, call.author().name, call.text(body, "message"))
        _move(repo, store, RefChange(ref, None, target), quietly=False)
    return Response()


def delete_tag(call: Call) -> Response:
    """Delete a tag."""
    return _delete(call, f"refs/tags/{call.param('tag')}", call.param("tag"))


def _delete(call: Call, ref: str, name: str) -> Response:
    repo = call.repo_to_write()
    with repo.lock, repo.objects() as store:
        present = repo.refs.read().get(ref)
        if present is None:
            raise revision_not_found(name)
        quietly = ref.startswith("refs/heads/") and not call.hub.switches.webhooks_on_branch_api
        _move(repo, store, RefChange(ref, present.target, None), quietly=quietly)
    return Response()


def _move(repo: Repository, store: BaseObjectStore, change: RefChange, *, quietly: bool) -> None:
    try:
        repo.move([change], store, quietly=quietly)
    except RefusedChanges as error:
        raise bad_request(f"Invalid reference {error}") from None


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route(_REPO + "/refs", listing),
    route(_REPO + "/branch/{branch:path}", create_branch, "POST"),
    route(_REPO + "/branch/{branch:path}", delete_branch, "DELETE"),
    route(_REPO + "/tag/{revision:path}", create_tag, "POST"),
    route(_REPO + "/tag/{tag:path}", delete_tag, "DELETE"),
]
