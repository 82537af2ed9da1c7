"""What is done to history as a whole: comparing, squashing it away, and deleting large files from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from hubver.localhub.accounts.access import may_read
from hubver.localhub.errors import bad_request, repo_not_found, revision_not_found
from hubver.localhub.large.holdings import Held, Holdings, holders
from hubver.localhub.repos.diffs import raw_diff
from hubver.localhub.repos.refs import RefChange
from hubver.localhub.repos.repository import PREFIXES, tree_of, write_commit
from hubver.localhub.repos.rewrite import forget
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route

    from hubver.localhub.repos.repository import Repository

_PAGE = 1000


def compare(call: Call) -> Response:
    """Show the raw difference from one revision to another, named `<one>..<other>`."""
    repo = call.repo_to_download()
    before, dots, after = call.param("revisions").partition("..")
    if not dots or not before or not after.lstrip("."):
        raise bad_request("Name two revisions, as in main..production")
    with repo.objects() as store:
        text = raw_diff(store, repo.resolve(before), repo.resolve(after.lstrip(".")))
    return PlainTextResponse(text)


def super_squash(call: Call) -> Response:
    """Put one commit without parents in place of a branch's whole history, or a pull request's or conversion's."""
    repo, name = call.repo_to_write(), call.param("branch")
    message = call.text(call.json(), "message")
    ref = name if name.startswith(("refs/pr/", "refs/convert/")) else f"refs/heads/{name}"
    with repo.lock, repo.objects() as store:
        present = repo.refs.read().get(ref)
        if present is None:
            raise revision_not_found(name)
        squashed = write_commit(store, tree_of(store, present.commit), [], call.author().name, message)
        repo.move([RefChange(ref, present.target, squashed)], store)
    return JSONResponse({"success": True})


def large_files(call: Call) -> Response:
    """List the repo's large files, newest first, a page at a time; the cursor is the number already shown."""
    held = Holdings(call.repo_to_write()).list()
    start, limit = call.number("cursor", 0, 10**9), max(1, call.number("limit", _PAGE, _PAGE))
    headers = call.link_next(cursor=start + limit) if len(held) > start + limit else {}
    return JSONResponse([_facts(item) for item in held[start : start + limit]], headers=headers)


def _facts(held: Held) -> dict[str, Any]:
    facts = {"fileOid": held.oid, "oid": held.oid, "size": held.size, "pushedAt": held.pushed_at}
    return {**facts, "filename": held.filename, "ref": held.ref}


def delete_large_files(call: Call) -> Response:
    """Delete large files for good: from the repo, from its history if asked, and from the disk if no repo has them."""
    asked = call.json().get("deletions")
    if not isinstance(asked, dict):
        raise bad_request("`deletions` must be an object")
    oids = asked.get("sha")
    if not isinstance(oids, list) or not all(isinstance(oid, str) for oid in oids):
        raise bad_request("`deletions` must have `sha`, a list of texts")
    return _delete(call, set(oids), rewrite=bool(asked.get("rewriteHistory")))


def delete_large_file(call: Call) -> Response:
    """Delete one."""
    return _delete(call, {call.param("oid")}, rewrite=call.query("rewriteHistory") in {"1", "true"})


def _delete(call: Call, oids: set[str], *, rewrite: bool) -> Response:
    repo = call.repo_to_write()
    with repo.lock:
        held = {oid for oid in oids if oid in Holdings(repo)}
        if rewrite and held:
            with repo.open() as git:
                forget(repo, git, held)
        for oid in held:
            Holdings(repo).drop(oid)
            if not holders(call.hub.store, oid):
                call.hub.store.lfs.delete(oid)
    return Response()


def duplicate_large_files(call: Call) -> Response:
    """Give large files of this repo to another, so that a commit there may name them."""
    source, body = call.repo_to_download(), call.json()
    target, mine = _target(call, body.get("target")), Holdings(source)
    failed = []
    for file in body.get("files") or []:
        oid = file.get("sha256") if isinstance(file, dict) else None
        if isinstance(oid, str) and oid in mine:
            Holdings(target).add(oid, call.hub.store.lfs.size(oid) or 0)
        else:
            failed.append({"sha256": oid, "error": f"{source.description.id} has no such file"})
    return JSONResponse({"failed": failed})


def _target(call: Call, named: object) -> Repository:
    if not isinstance(named, dict) or named.get("type") not in PREFIXES:
        raise bad_request("`target` must be an object with `type` and `name`")
    target = call.hub.store.get(named["type"], call.text(named, "name"))
    user = call.caller()
    if target is None or not may_read(target, user):
        raise repo_not_found(anonymous=False)
    call.must_write(target)
    return target


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route(_REPO + "/compare/{revisions:path}", compare),
    route(_REPO + "/super-squash/{branch:path}", super_squash, "POST"),
    route(_REPO + "/lfs-files", large_files),
    route(_REPO + "/lfs-files/batch", delete_large_files, "POST"),
    route(_REPO + "/lfs-files/duplicate", duplicate_large_files, "POST"),
    route(_REPO + "/lfs-files/{oid}", delete_large_file, "DELETE"),
]
