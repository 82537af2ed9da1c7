"""What the CDN answers: large files, to whoever has a signed address for one. It knows no tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.localhub.errors import HubError
from hubver.localhub.routes.content import serve_large, shown_as
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route


def download(call: Call) -> Response:
    """Serve an object, or a range of it."""
    if call.hub.cdn is None:
        raise HubError(404, "This Hub serves large files itself")
    pointer, name = call.hub.cdn.authorised(call)
    return serve_large(call, pointer, {**shown_as(name), "ETag": f'"{pointer.oid}"'})


ROUTES: list[Route] = [route("/large/{oid}", download, "GET", "HEAD")]
