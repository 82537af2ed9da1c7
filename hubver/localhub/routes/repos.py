"""Repos as a whole: create, delete, describe and list."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from hubver.localhub.accounts.access import may_read
from hubver.localhub.errors import HubError, bad_request, repo_not_found
from hubver.localhub.git.pre_receive import objection
from hubver.localhub.repos.card import check_card, read_card
from hubver.localhub.repos.commits import parse_operations
from hubver.localhub.repos.info import describe
from hubver.localhub.repos.properties import asked_properties
from hubver.localhub.repos.refs import MAIN
from hubver.localhub.repos.repository import PREFIXES
from hubver.localhub.repos.trees import FILE_MODE
from hubver.localhub.repos.weights import Weights
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route

    from hubver.localhub.repos.repository import Kind

_SDKS = ("gradio", "docker", "static", "streamlit")


def _named(call: Call, body: dict[str, Any]) -> tuple[Kind, str]:
    """Kind and id of the repo that a body names; without an organisation it is the caller's own."""
    kind = body.get("type") or "model"
    if kind not in PREFIXES:
        raise bad_request(f"This Hub has models, datasets and spaces, not the type {kind!r}")
    name = call.text(body, "name")
    if "/" in name:
        return kind, name
    return kind, f"{body.get('organization') or call.author().name}/{name}"


def create(call: Call) -> Response:
    """Create a repo in one of the caller's namespaces; 409 if it exists."""
    body = call.json()
    kind, repo_id = _named(call, body)
    author = call.must_own(repo_id.partition("/")[0]).name
    private = body.get("visibility") == "private" or bool(body.get("private"))
    sdk = _sdk(body.get("sdk")) if kind == "space" else None
    url, files = call.url(PREFIXES[kind] + repo_id), _first_files(body)
    try:
        repo = call.hub.store.create(kind, repo_id, private=private, author=author, sdk=sdk, files=files)
    except HubError as error:
        # The client reads the address from the refusal where the repo may exist already.
        error.facts["url"] = url
        raise
    call.hub.notices.repo_changed(repo, "create")
    return JSONResponse({"url": url, "name": repo_id, "id": repo_id, "private": private})


def _first_files(body: dict[str, Any]) -> dict[str, bytes]:
    """The files that a repo is to begin with, and a card if the body names a license."""
    files: dict[str, bytes] = {}
    if body.get("license"):
        files["README.md"] = f"---\nlicense: {json.dumps(body['license'])}\n---\n".encode()
    given = body.get("files") or []
    if not isinstance(given, list):
        raise bad_request("`files` must be a list of objects with `path`, `content` and `encoding`")
    if given:
        header = {"key": "header", "value": {"summary": "initial commit"}}
        lines = [header, *({"key": "file", "value": file} for file in given)]
        parsed = parse_operations((json.dumps(line).encode() for line in lines), lambda content: lambda: content)
        files |= {path: content() for path, content in parsed.files.items()}
    for path, content in files.items():
        rule = objection(path, FILE_MODE, content, lambda _oid, _size: False)
        if rule:
            raise bad_request(rule.text([path], MAIN))
    return files


def _sdk(named: object) -> str:
    if named not in _SDKS:
        raise bad_request(f"`sdk` must be one of {', '.join(_SDKS)}")
    return str(named)


def delete(call: Call) -> Response:
    """Delete a repo for good."""
    kind, repo_id = _named(call, call.json())
    repo = call.hub.store.get(kind, repo_id)
    if repo is None or not may_read(repo, call.user):
        raise repo_not_found(anonymous=call.user is None)
    call.must_write(repo)
    call.hub.notices.repo_changed(repo, "delete")
    call.hub.store.delete(repo)
    return Response()


def info(call: Call) -> Response:
    """Describe a repo at a revision."""
    repo = call.repo()
    revision = call.param("revision") if "revision" in call.request.path_params else MAIN
    query = call.request.query_params
    expand = asked_properties(query, call.kind)
    with_blobs = query.get("blobs", "").lower() in {"1", "true"}
    told = describe(repo, revision, blobs=with_blobs, expand=expand)
    if repo.description.kind == "model" and (not expand or "safetensors" in expand):
        # Files that are broken or gone leave nothing to tell.
        with repo.objects() as store, suppress(HubError):
            parameters = Weights(repo, store, repo.resolve(revision), call.hub.store.lfs).parameters()
            told |= {"safetensors": parameters} if parameters else {}
    return JSONResponse(told)


def validate_yaml(call: Call) -> Response:
    """Check the metadata at the head of a README before it is committed; by `Accept`, answer in plain text."""
    body = call.json()
    if not isinstance(body.get("content"), str):
        raise bad_request("`content` must be a text")
    errors = check_card(body["content"])
    if errors and call.request.headers.get("accept") == "text/plain":
        return PlainTextResponse("\n".join(f"- Error: {error['message']}" for error in errors), 400)
    warnings = [] if read_card(body["content"]) else [{"message": "empty or missing yaml metadata in repo card"}]
    return JSONResponse({"errors": errors, "warnings": warnings}, 400 if errors else 200)


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route("/api/repos/create", create, "POST"),
    route("/api/repos/delete", delete, "DELETE"),
    route("/api/validate-yaml", validate_yaml, "POST"),
    route(_REPO, info),
    route(_REPO + "/revision/{revision:path}", info),
]
