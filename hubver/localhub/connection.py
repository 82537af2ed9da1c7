"""The connection under a request, for those few answers that are no answer: closing it without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

_KEY = "localhub.transport"


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, which shows each request its transport.

    It is named, and not left to uvicorn's choice, so that a Hub behaves the same whatever parsers are installed.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wrap the application in one that knows this connection."""
        super().connection_made(transport)
        app: Any = self.app

        async def app_on_this_connection(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, _KEY: transport}, receive, send)

        self.app = app_on_this_connection


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the request's connection once what was already sent is on its way, and return when it is closed."""
    scope[_KEY].close()
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of the request's body
