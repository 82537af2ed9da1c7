"""Answering HTTP on a socket, from a thread of its own, until told to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from hubver.errors import HubFailed
from hubver.localhub.web.connection import patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

_START_LIMIT_S = 30
# What is being answered when the end comes has this long to finish; whoever is slower is hung up on.
_GRACE_S = 2
_BACKLOG = 128


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens.

    Raises:
        HubFailed: the address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise HubFailed(
            f"The Hub cannot listen on {host} port {port}: {error.strerror}",
            hint="Name another --port; 0 takes a free one",
        ) from None
    with listener:
        # asyncio does this only for sockets made with an explicit protocol; without it each answer takes 40 ms longer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def url_of(listener: socket.socket) -> str:
    """The address under which a listening socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """Says when it answers, and does not wait for clients that never finish."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_GRACE_S, self._hang_up)
        await super().shutdown(sockets)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # What answers nobody any more: it may have been told to wait for an hour.
        for task in list(self.server_state.tasks):
            task.cancel()


def _ending_quietly(app: ASGIApp) -> ASGIApp:
    """The same app, in which a request that is cut short at the Hub's end is no error."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return answer


@contextmanager
def served(app: ASGIApp, listener: socket.socket, *, patience_s: float) -> Iterator[None]:
    """Answer on the socket while the block lasts.

    Args:
        app: what answers.
        listener: a listening socket.
        patience_s: after how many seconds without a byte from or to a client that owes one its connection is closed.

    Raises:
        HubFailed: it did not start.
    """
    config = uvicorn.Config(
        _ending_quietly(app), http=patient(patience_s), log_config=None, access_log=False, lifespan="off", ws="none"
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="localhub", daemon=True)
    thread.start()
    try:
        if not server.ready.wait(_START_LIMIT_S):
            raise HubFailed(f"The embedded Hub did not start within {_START_LIMIT_S} seconds")
        yield
    finally:
        server.should_exit = True
        thread.join()
