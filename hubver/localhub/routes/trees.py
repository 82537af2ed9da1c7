"""Listing files: `tree` and `paths-info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response

from hubver.localhub.errors import bad_request, entry_not_found
from hubver.localhub.repos import trees
from hubver.localhub.repos.info import file_facts, iso
from hubver.localhub.repos.last_commits import last_commits
from hubver.localhub.repos.paths import split_revision
from hubver.localhub.repos.repository import tree_of
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from dulwich.objects import Commit
    from starlette.routing import Route

    from hubver.localhub.hub import Hub
    from hubver.localhub.repos.repository import Repository

_PAGE, _EXPANDED_PAGE = 1000, 50
_TRUE = {"1", "true", "True"}


def tree(call: Call) -> Response:
    """List a folder at a revision, folders first, a page at a time; the cursor is the number of entries already shown."""
    repo = call.repo()
    revision, path = split_revision(call.request.path_params["rest"])
    commit = repo.resolve(revision)
    expand = call.query("expand") in _TRUE
    most = _EXPANDED_PAGE if expand else _PAGE
    start, limit = call.number("cursor", 0, 10**9), max(1, call.number("limit", most, most))
    with repo.open() as git:
        store = git.object_store
        folder = repo.entry(store, commit, path)
        if not folder.is_folder:
            raise entry_not_found(path, commit)
        entries = list(trees.walk(store, folder.oid, path, recursive=call.query("recursive") in _TRUE))
        entries.sort(key=lambda entry: (not entry.is_folder, entry.path))
        shown = _facts(store, commit, entries[start : start + limit], expand=expand)
    _add_xet(call.hub, repo, shown)
    headers = call.link_next(cursor=start + limit) if len(entries) > start + limit else {}
    return JSONResponse(shown, headers={"X-Repo-Commit": commit, **headers})


def paths_info(call: Call) -> Response:
    """Describe the named paths at a revision; those that are not there are left out."""
    repo = call.repo()
    paths, expand = _asked(call)
    commit = repo.resolve(call.param("revision"))
    with repo.open() as git:
        store = git.object_store
        found = [trees.find(store, tree_of(store, commit), path.strip("/")) for path in paths]
        shown = _facts(store, commit, [entry for entry in found if entry and entry.path], expand=expand)
    _add_xet(call.hub, repo, shown)
    return JSONResponse(shown)


def _asked(call: Call) -> tuple[list[str], bool]:
    """Read the body: Python sends a form, JavaScript JSON."""
    if call.request.headers.get("content-type", "").startswith("application/json"):
        body = call.json()
        paths = body.get("paths") or []
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise bad_request("`paths` must be a list of texts")
        return paths, bool(body.get("expand"))
    form = parse_qs(call.body.read().decode("utf-8", "replace"))
    return form.get("paths", []), form.get("expand", [""])[0] in _TRUE


def _facts(store: BaseObjectStore, commit: str, entries: list[trees.Entry], *, expand: bool) -> list[dict[str, Any]]:
    changed = last_commits(store, commit, [entry.path for entry in entries]) if expand else {}
    shown = []
    for entry in entries:
        facts: dict[str, Any] = {"type": "directory", "oid": entry.oid, "size": 0}
        if not entry.is_folder:
            facts = {"type": "file", **file_facts(store, entry)}
        facts["path"] = entry.path
        if expand:
            facts["lastCommit"] = _commit_facts(changed[entry.path])
        shown.append(facts)
    return shown


def _add_xet(hub: Hub, repo: Repository, files: list[dict[str, Any]]) -> None:
    for facts in files:
        file_id = hub.xet_id(repo, facts["lfs"]["oid"]) if "lfs" in facts else None
        if file_id:
            facts["xetHash"] = file_id


def _commit_facts(commit: Commit) -> dict[str, Any]:
    title = commit.message.decode("utf-8", "replace").partition("\n")[0]
    return {"id": commit.id.decode(), "title": title, "date": iso(commit.commit_time)}


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route(_REPO + "/tree/{rest:path}", tree),
    route(_REPO + "/paths-info/{revision:path}", paths_info, "POST"),
]
