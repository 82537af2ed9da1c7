"""The embedded Hub as one ASGI application."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from hubver.localhub.errors import HubError
from hubver.localhub.faults import FaultyApp
from hubver.localhub.pages import routes as pages
from hubver.localhub.pages.shell import is_for_people, refusal
from hubver.localhub.routes import (
    accounts,
    bare_names,
    cdn,
    commits,
    content,
    discussions,
    git_http,
    lfs,
    listing,
    oauth,
    refs,
    repos,
    settings,
    trees,
    upkeep,
    webhooks,
    weights,
    xet,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hubver.localhub.hub import Hub

# Those with fixed words in their paths go before those that take any word there.
_AREAS = (
    accounts,
    oauth,
    webhooks,
    repos,
    listing,
    settings,
    commits,
    refs,
    upkeep,
    trees,
    weights,
    discussions,
    lfs,
    xet,
    git_http,
    content,
    bare_names,
    pages,
)


class _HubManners:
    """What the Hub does to every request and answer.

    Routing goes by the path as it was sent, because `%2F` in a revision is part of its name; each answer carries an id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-request-id", _request_id(scope))]}
            await send(message)

        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii", "replace")}
        await self._app(scope, receive, send_with_id)


def _request_id(scope: Scope) -> bytes:
    """The id that the client has given the request, or one that holds what the client traces it by."""
    sent = dict(scope["headers"])
    if sent.get(b"x-request-id"):
        return bytes(sent[b"x-request-id"])
    root = b"Root=1-" + secrets.token_hex(12).encode()
    return b";".join(filter(None, [root, sent.get(b"x-amzn-trace-id")]))


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HubError):
        return error.response()
    if isinstance(error, HTTPException):
        if is_for_people(request):
            return refusal(request, HubError(error.status_code, error.detail, headers=dict(error.headers or {})))
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    if isinstance(error, ClientDisconnect):
        return JSONResponse({"error": "The connection was lost before the request was whole"}, 400)
    return JSONResponse({"error": f"Internal error: {type(error).__name__}"}, 500)


def create_app(hub: Hub) -> ASGIApp:
    """Assemble the routes of every area around one Hub's state."""
    return _HubManners(_app(hub, [route for area in _AREAS for route in area.ROUTES]))


def create_cdn(hub: Hub) -> ASGIApp:
    """Assemble what answers where `hub.cdn` leads to. Faults apply there too."""
    return _app(hub, cdn.ROUTES)


def _app(hub: Hub, routes: list[Route]) -> ASGIApp:
    app = Starlette(
        routes=routes,
        exception_handlers=dict.fromkeys((HubError, HTTPException, ClientDisconnect, Exception), _answer_error),
    )
    app.router.redirect_slashes = False
    app.state.hub = hub
    return FaultyApp(app, hub.faults)
