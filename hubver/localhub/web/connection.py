"""The connection under a request: closing it without an answer, and closing those whose clients have gone silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

_KEY = "localhub.transport"


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, which shows each request its transport and waits for no client for ever.

    It is named, and not left to uvicorn's choice, so that a Hub behaves the same whatever parsers are installed.
    """

    patience_s: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wrap the application in one that knows this connection."""
        super().connection_made(transport)
        app: Any = self.app

        async def app_on_this_connection(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, _KEY: transport}, receive, send)

        self.app = app_on_this_connection
        self._received = 0
        self._watch(None)

    def data_received(self, data: bytes) -> None:
        """Count what comes, so that silence can be told."""
        self._received += len(data)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        self._watching.cancel()
        super().connection_lost(exc)

    def _watch(self, before: tuple[int, int] | None) -> None:
        """Look again and again whether a client that owes bytes, or does not take any, has moved since last time."""
        now = (self._received, self.transport.get_write_buffer_size())
        if now == before and self._waits_for_client():
            self.transport.abort()
            return
        self._watching = self.loop.call_later(self.patience_s, self._watch, now)

    def _waits_for_client(self) -> bool:
        owes = self.conn.their_state in {h11.IDLE, h11.SEND_BODY} and not self.flow.read_paused
        return owes or self.flow.write_paused


def patient(seconds: float) -> type[Connection]:
    """A connection that is closed once its client has let that many seconds pass without a sign of life."""
    return type("PatientConnection", (Connection,), {"patience_s": seconds})


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the request's connection once what was already sent is on its way, and return when it is closed."""
    scope[_KEY].close()
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of the request's body
