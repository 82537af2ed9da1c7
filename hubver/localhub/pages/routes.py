"""The addresses of the pages; those with fixed words in them go before those that take any word there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.localhub.pages import discussions, files, history, lists, overview, refs, shell, signing_in
from hubver.localhub.pages.shell import page_route
from hubver.localhub.repos.repository import PREFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.routing import Route


def _routes() -> Iterator[Route]:
    yield page_route("/-/{asset}", shell.asset)
    yield page_route("/", lists.home)
    for kind in PREFIXES:
        yield page_route(f"/{kind}s", lists.of_kind)
    yield page_route("/login", signing_in.form)
    yield page_route("/login", signing_in.sign_in, "POST")
    yield page_route("/logout", signing_in.sign_out, "POST")
    prefixes = sorted(PREFIXES.values(), reverse=True)  # the empty one last
    for prefix in filter(None, prefixes):
        yield page_route(f"/{prefix}{{name}}", lists.bare_name)
    for prefix in prefixes:
        repo = f"/{prefix}{{namespace}}/{{name}}"
        yield page_route(repo, overview.overview)
        yield page_route(repo + "/tree", files.default_tree)
        yield page_route(repo + "/tree/{rest:path}", files.tree)
        yield page_route(repo + "/blob/{rest:path}", files.blob)
        yield page_route(repo + "/commits", history.default_history)
        yield page_route(repo + "/commits/{rest:path}", history.history)
        yield page_route(repo + "/commit/{sha}", history.commit)
        yield page_route(repo + "/refs", refs.listing)
        yield page_route(repo + "/discussions", discussions.listing)
        yield page_route(repo + "/discussions/{number}", discussions.conversation)
        yield page_route(repo + "/discussions/{number}/files", discussions.files)
    yield page_route("/{namespace}", lists.namespace)


ROUTES: list[Route] = list(_routes())
