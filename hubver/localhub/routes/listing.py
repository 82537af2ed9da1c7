"""Listing repos: filters, order and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from hubver.localhub.access import may_read
from hubver.localhub.call import Call, route
from hubver.localhub.errors import HubError, bad_request, forbidden
from hubver.localhub.info import describe
from hubver.localhub.refs import MAIN
from hubver.localhub.repository import PREFIXES

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.routing import Route

_PAGE = 1000
_TRUE = {"1", "true", "True"}
_SORTS = {"createdAt": "createdAt", "lastModified": "lastModified"}
# Nobody downloads or likes anything here, so these leave the newest first.
_SORTS |= dict.fromkeys(("downloads", "likes", "trendingScore"), "createdAt")


def listing(call: Call) -> Response:
    """List the repos that the caller may see, a page at a time; the cursor is the number of repos already shown."""
    user, query = call.user, call.request.query_params
    visible = [repo for repo in call.hub.store.list(call.kind) if may_read(repo, user)]
    found = []
    for repo in visible:
        try:
            info = describe(repo, MAIN, blobs=False, expand=[])
        except HubError:
            continue  # a repo whose main was never pushed has nothing to tell
        if _matches(info, query):
            found.append(info)
    key = query.get("sort", "createdAt")
    if key not in _SORTS:
        raise bad_request(f"`sort` must be one of {', '.join(_SORTS)}")
    found.sort(key=lambda info: (info[_SORTS[key]], info["createdAt"]), reverse=query.get("direction") != "1")
    start, limit = call.number("cursor", 0, 10**9), max(1, call.number("limit", _PAGE, _PAGE))
    shown = [_shown(info, query) for info in found[start : start + limit]]
    headers = call.link_next(cursor=start + limit) if len(found) > start + limit else {}
    return JSONResponse(shown, headers=headers)


def _matches(info: dict[str, Any], query: QueryParams) -> bool:
    """Whether a repo passes every filter; of tags it needs all that are named, of words too."""
    wanted = {tag for given in query.getlist("filter") for tag in given.split(",")}
    wanted |= set(query.getlist("pipeline_tag"))
    gated = query.get("gated")
    return (
        query.get("author") in (None, info["author"])
        and all(word.lower() in info["id"].lower() for word in query.getlist("search"))
        and wanted <= set(info["tags"])
        and (gated is None or bool(info["gated"]) == (gated in _TRUE))
    )


def _shown(info: dict[str, Any], query: QueryParams) -> dict[str, Any]:
    """What the list tells of a repo: all but its files and metadata, or what was asked for."""
    expand = query.getlist("expand") + query.getlist("expand[]")
    if expand:
        return {key: value for key, value in info.items() if key in {"_id", "id", "modelId", *expand}}
    full = query.get("full") in _TRUE
    hidden = set() if full else {"siblings"}
    if not full and query.get("cardData") not in _TRUE:
        hidden.add("cardData")
    return {key: value for key, value in info.items() if key not in hidden}


def owned(call: Call) -> Response:
    """List the repos of the caller, or of an organisation that it belongs to, of every kind and with their sizes."""
    namespace = call.param("organization") if "organization" in call.request.path_params else call.caller().name
    if not call.caller().may_write(namespace):
        raise forbidden(f"You don't have the rights to see the settings of {namespace!r}")
    repos = [repo for kind in PREFIXES for repo in call.hub.store.list(kind) if repo.namespace == namespace]
    facts = [(repo, describe(repo, MAIN, blobs=False, expand=["lastModified", "usedStorage"])) for repo in repos]
    total = sum(known["usedStorage"] for _, known in facts) or 1
    return JSONResponse(
        [
            {
                "id": repo.description.id,
                "type": repo.description.kind,
                "updatedAt": known["lastModified"],
                "visibility": "private" if repo.description.private else "public",
                "storage": known["usedStorage"],
                "storagePercent": 100 * known["usedStorage"] / total,
            }
            for repo, known in facts
        ]
    )


ROUTES: list[Route] = [
    route("/api/settings/repositories", owned),
    route("/api/organizations/{organization}/settings/repositories", owned),
    route("/api/{kinds}", listing),
]
