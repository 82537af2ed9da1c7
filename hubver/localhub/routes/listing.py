"""Listing repos: filters, order and pages."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from hubver.localhub.accounts.access import may_read
from hubver.localhub.errors import HubError, bad_request, forbidden
from hubver.localhub.repos.card import texts
from hubver.localhub.repos.info import describe
from hubver.localhub.repos.properties import asked_properties
from hubver.localhub.repos.refs import MAIN
from hubver.localhub.repos.repository import PREFIXES
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.datastructures import QueryParams
    from starlette.routing import Route

    from hubver.localhub.repos.repository import Repository

_PAGE = 1000
_TRUE = {"1", "true", "True"}
_BEYOND = ("apps", "inference", "inference_provider", "num_parameters")
_SORTS = {"createdAt": "createdAt", "lastModified": "lastModified"}
# Nobody downloads or likes anything here, so these leave the newest first.
_SORTS |= dict.fromkeys(("downloads", "likes", "trendingScore"), "createdAt")


def listing(call: Call) -> Response:
    """List the repos that the caller may see, a page at a time; the cursor is the number of repos already shown."""
    user, query = call.user, call.request.query_params
    expand = asked_properties(query, call.kind)
    beyond = [name for name in _BEYOND if name in query]
    if beyond:
        raise bad_request(f"This Hub cannot filter by {', '.join(beyond)}")
    key = query.get("sort", "createdAt")
    if key not in _SORTS:
        raise bad_request(f"`sort` must be one of {', '.join(_SORTS)}")
    described = _described((repo for repo in call.hub.store.list(call.kind) if may_read(repo, user)), [])
    found = [(repo, info) for repo, info in described if _matches(info, query)]
    found.sort(key=lambda item: (item[1][_SORTS[key]], item[1]["createdAt"]), reverse=query.get("direction") != "1")
    start, limit = call.number("cursor", 0, 10**9), max(1, call.number("limit", _PAGE, _PAGE))
    page = found[start : start + limit]
    shown = [info for _, info in _described((repo for repo, _ in page), expand)] if expand else []
    shown = shown or [_shown(info, query) for _, info in page]
    headers = call.link_next(cursor=start + limit) if len(found) > start + limit else {}
    return JSONResponse(shown, headers=headers)


def _described(repos: Iterable[Repository], expand: list[str]) -> Iterator[tuple[Repository, dict[str, Any]]]:
    """What is to be told of repos; nothing of those whose main was never pushed."""
    for repo in repos:
        with suppress(HubError):
            yield repo, describe(repo, MAIN, blobs=False, expand=expand)


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
        and _is_linked(_links(info), query)
    )


def _links(info: dict[str, Any]) -> dict[str, list[str]]:
    """The models and datasets that a card names."""
    return {kind: texts((info.get("cardData") or {}).get(kind)) for kind in ("models", "datasets")}


def _is_linked(links: dict[str, list[str]], query: QueryParams) -> bool:
    """Whether a space uses all the models and datasets asked for, or any at all for `linked`."""
    if query.get("linked") in _TRUE and not any(links.values()):
        return False
    return all(set(query.getlist(kind)) <= set(names) for kind, names in links.items())


def _shown(info: dict[str, Any], query: QueryParams) -> dict[str, Any]:
    """What the list tells of a repo: all but its files and metadata, unless they are asked for."""
    full = query.get("full") in _TRUE
    hidden = set() if full else {"siblings"}
    if not full and query.get("cardData") not in _TRUE:
        hidden.add("cardData")
    if query.get("config") not in _TRUE:
        hidden.add("config")
    shown = {key: value for key, value in info.items() if key not in hidden}
    return shown | _links(info) if any(name in query for name in ("linked", "models", "datasets")) else shown


def owned(call: Call) -> Response:
    """List the repos of the caller, or of an organisation that it belongs to, of every kind and with their sizes."""
    namespace = call.param("organization") if "organization" in call.request.path_params else call.caller().name
    if not call.caller().may_write(namespace):
        raise forbidden(f"You don't have the rights to see the settings of {namespace!r}")
    repos = [repo for kind in PREFIXES for repo in call.hub.store.list(kind) if repo.namespace == namespace]
    facts = list(_described(repos, ["lastModified", "usedStorage"]))
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
