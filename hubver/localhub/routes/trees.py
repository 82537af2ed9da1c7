"""Listing files: `tree` and `paths-info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from dulwich.objects import ObjectID
from starlette.responses import JSONResponse, Response

from hubver.localhub import trees
from hubver.localhub.call import Call, route
from hubver.localhub.errors import bad_request, entry_not_found
from hubver.localhub.info import file_facts, iso
from hubver.localhub.paths import split_revision
from hubver.localhub.repository import tree_of

if TYPE_CHECKING:
    from dulwich.repo import Repo
    from starlette.routing import Route

    from hubver.localhub.hub import Hub
    from hubver.localhub.repository import Repository

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
        shown = [_facts(git, commit, entry, expand=expand) for entry in entries[start : start + limit]]
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
        shown = [_facts(git, commit, entry, expand=expand) for entry in found if entry and entry.path]
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


def _facts(git: Repo, commit: str, entry: trees.Entry, *, expand: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": "directory", "oid": entry.oid, "size": 0}
    if not entry.is_folder:
        facts = {"type": "file", **file_facts(git.object_store, entry)}
    facts["path"] = entry.path
    if expand:
        facts["lastCommit"] = _last_commit(git, commit, entry.path)
    return facts


def _add_xet(hub: Hub, repo: Repository, files: list[dict[str, Any]]) -> None:
    for facts in files:
        file_id = hub.xet_id(repo, facts["lfs"]["oid"]) if "lfs" in facts else None
        if file_id:
            facts["xetHash"] = file_id


def _last_commit(git: Repo, commit: str, path: str) -> dict[str, Any]:
    """The latest commit that changed the path."""
    walker = git.get_walker(include=[ObjectID(commit.encode())], paths=[path.encode()], max_entries=1)
    found = next(iter(walker)).commit
    title = found.message.decode("utf-8", "replace").partition("\n")[0]
    return {"id": found.id.decode(), "title": title, "date": iso(found.commit_time)}


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route(_REPO + "/tree/{rest:path}", tree),
    route(_REPO + "/paths-info/{revision:path}", paths_info, "POST"),
]
