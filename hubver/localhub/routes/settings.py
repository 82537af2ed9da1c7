"""What the owners of a repo decide: its name, who sees it, and who passes its gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from starlette.responses import JSONResponse, Response

from hubver.localhub.accounts.access import Decision, Requests, may_read
from hubver.localhub.errors import HubError, bad_request, repo_not_found
from hubver.localhub.repos.repository import PREFIXES, Description, Gated
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route

    from hubver.localhub.repos.repository import Repository


def move(call: Call) -> Response:
    """Give a repo another name or owner; the old name goes on leading to it."""
    body = call.json()
    kind = body.get("type") or "model"
    if kind not in PREFIXES:
        raise bad_request(f"This Hub has models, datasets and spaces, not the type {kind!r}")
    target = call.text(body, "toRepo")
    repo = call.hub.store.get(kind, call.text(body, "fromRepo"))
    if repo is None or not may_read(repo, call.user):
        raise repo_not_found(anonymous=call.user is None)
    call.must_write(repo)
    call.must_own(target.partition("/")[0])
    moved = call.hub.store.move(repo, target)
    call.hub.notices.repo_changed(repo, "move", movedTo={"name": target, "owner": {"id": moved.namespace}})
    return JSONResponse({"success": True, "url": call.url(PREFIXES[repo.description.kind] + target)})


def update(call: Call) -> Response:
    """Change who sees the repo and whether it is gated; other settings are taken and mean nothing here."""
    repo, body = call.repo_to_write(), call.json()
    with repo.lock:
        before = repo.description
        repo.describe(_changed(before, body))
    changed = {key: getattr(repo.description, key) for key in ("private", "gated")}
    call.hub.notices.settings_changed(repo, {key: new for key, new in changed.items() if new != getattr(before, key)})
    return JSONResponse({"private": repo.description.private, "gated": repo.description.gated})


def _changed(description: Description, body: dict[str, Any]) -> Description:
    gated, private = body.get("gated", description.gated), body.get("private", description.private)
    if "visibility" in body:
        private = body["visibility"] == "private"
        if body["visibility"] not in {"private", "public"}:
            raise bad_request("`visibility` must be private or public")
    if not isinstance(private, bool):
        raise bad_request("`private` must be true or false")
    if gated not in get_args(Gated):
        raise bad_request("`gated` must be auto, manual or false")
    return replace(description, private=private, gated=gated)


def _gated(repo: Repository) -> Repository:
    if not repo.description.gated:
        raise bad_request(f"{repo.description.id} is not gated")
    return repo


def ask(call: Call) -> Response:
    """Ask for access, as a user does on the repo's page; where the gate is `auto`, that is enough."""
    repo, user = _gated(call.repo()), call.caller()
    with repo.lock:
        if Requests(repo).of(user.name) is None:
            Requests(repo).decide(user.name, "accepted" if repo.description.gated == "auto" else "pending")
    return JSONResponse({"success": True})


def requests(call: Call) -> Response:
    """List who asked for access and stands at a status."""
    repo, status = _gated(call.repo_to_write()), call.param("status")
    if status not in get_args(Decision):
        raise HubError(404, f"There are no {status} requests")
    return JSONResponse([request for request in Requests(repo).all() if request["status"] == status])


def handle(call: Call) -> Response:
    """Accept or reject a request, or make it a pending one again."""
    repo, body = _gated(call.repo_to_write()), call.json()
    asked = [body.get("user"), body.get("requestId")]
    with repo.lock:
        for request in Requests(repo).all():
            if request["user"]["user"] == asked[0] or request["requestId"] == asked[1]:
                if request["status"] == body.get("status"):
                    raise bad_request(f"The request is {request['status']} already")
                Requests(repo).decide(request["user"]["user"], call.text(body, "status"))
                return JSONResponse({"success": True})
    raise HubError(404, "No such access request")


def grant(call: Call) -> Response:
    """Let a user in who has not asked."""
    repo, name = _gated(call.repo_to_write()), call.text(call.json(), "user")
    if call.hub.accounts.named(name) is None:
        raise HubError(404, f"There is no user {name}")
    with repo.lock:
        known = Requests(repo).of(name)
        if known and known["status"] == "accepted":
            raise bad_request(f"{name} has access already")
        Requests(repo).decide(name, "accepted")
    return JSONResponse({"success": True})


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route("/api/repos/move", move, "POST"),
    route(_REPO + "/settings", update, "PUT"),
    route(_REPO + "/user-access-request/handle", handle, "POST"),
    route(_REPO + "/user-access-request/grant", grant, "POST"),
    route(_REPO + "/user-access-request/{status}", requests),
    *(route(prefix + "/{namespace}/{name}/ask-access", ask, "POST") for prefix in ("/datasets", "/spaces", "")),
]
