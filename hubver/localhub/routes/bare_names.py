"""Ids without a namespace: only the real Hub has repos of such names, from its first years."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.localhub.errors import repo_not_found
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

_BY_REVISION = (
    *((verb, "GET") for verb in ("revision", "tree", "commits", "compare")),
    *((verb, "POST") for verb in ("commit", "preupload", "paths-info", "branch", "tag", "super-squash")),
    *((verb, "DELETE") for verb in ("branch", "tag")),
)


def missing(call: Call) -> Response:
    """Say that there is no such repo."""
    raise repo_not_found(anonymous=call.user is None)


ROUTES: list[Route] = [
    route("/api/{kinds}/{name}", missing),
    *(route("/api/{kinds}/{name}/" + verb + "/{rest:path}", missing, method) for verb, method in _BY_REVISION),
    *(
        route(f"{prefix}/{{name}}/{verb}/{{rest:path}}", missing, "GET", "HEAD")
        for prefix in ("/datasets", "/spaces", "")
        for verb in ("resolve", "raw")
    ),
]
