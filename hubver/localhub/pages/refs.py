"""Branches and tags of a repo, with the commits they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.localhub.pages.frame import branches, repo_page, tags
from hubver.localhub.pages.overview import landmark

if TYPE_CHECKING:
    from starlette.responses import Response

    from hubver.localhub.web.call import Call

_PAGE = 100
_MOST_PAGES = 10**6


def listing(call: Call) -> Response:
    """List them, a page of tags and of branches at a time; `search` keeps those with a word in their name."""
    repo = call.repo()
    number, search = call.number("p", 0, _MOST_PAGES), (call.query("search") or "").strip()
    refs = repo.refs.read()
    groups = [[ref for ref in group if search.lower() in ref.name.lower()] for group in (branches(refs), tags(refs))]
    start = number * _PAGE
    with repo.objects() as store:
        shown = [[landmark(store, ref) for ref in group[start : start + _PAGE]] for group in groups]
    return repo_page(
        call,
        repo,
        "refs.html",
        tab="refs",
        search=search,
        branches=shown[0],
        tags=shown[1],
        branch_count=len(groups[0]),
        tag_count=len(groups[1]),
        number=number,
        more=max(map(len, groups)) > start + _PAGE,
    )
