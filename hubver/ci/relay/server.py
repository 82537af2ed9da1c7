"""`hubver relay`: a small server that takes webhooks of the Hub and answers at once; the work is done behind it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from hubver.ci.relay.desk import Desk
from hubver.ci.relay.memory import Pace
from hubver.ci.relay.webhook import MOST_BYTES, SECRET_HEADER, Dispatch, Refused, authentic, read
from hubver.errors import HubFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from hubver.ci.relay.forwarding import Forwarder

_ABOUT = "hubver relay: turns webhooks of the Hugging Face Hub into gates on GitHub. The Hub posts to /webhook.\n"
# A relay looks at the Hub for each event that may bring a candidate; a team's day brings a few hundred at most.
_PER_MINUTE = 60
# Lines of the log that strangers may fill.
_REFUSALS_PER_MINUTE = 60
_BODY_PATIENCE_S = 10
_START_LIMIT_S = 30
_GRACE_S = 5
# A Space has half a minute to end.
_LAST_WORK_S = 20.0
_MOST_CONNECTIONS = 100


def serve(forwarder: Forwarder, secret: bytes, *, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve from the main thread until SIGINT or SIGTERM; then finish what was taken on.

    Args:
        forwarder: asks the Hub, and tells GitHub.
        secret: of the webhook.
        host: the address to listen on.
        port: TCP port; 0 takes a free one.
        tell: told the address once the server answers, and what becomes of each event, in a line.

    Raises:
        HubFailed: the port cannot be had.
    """
    # Waited for, not handled: a handler that sets an event hangs if it runs while the main thread enters its wait. Blocked
    # before there is any other thread, which would be woken by them in its place.
    ends = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        desk = Desk(forwarder, tell)
        with _listening(host, port) as listener, _answering(create_app(desk, secret), listener):
            tell(f"listening: http://{host}:{listener.getsockname()[1]}/webhook, for {', '.join(desk.models)}")
            signal.sigwait(ends)
        tell("ending: nothing new is taken on, and what waits is done")
        desk.finish(_LAST_WORK_S)
    finally:
        while signal.sigpending() & ends:
            signal.sigwait(ends)  # whoever asked again while it was ending has what was asked for
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def create_app(desk: Desk, secret: bytes) -> Starlette:
    """The routes: `POST /webhook`, `GET /healthz`, and `/`, which says what it is."""
    doors = _Doors(desk, secret)
    return Starlette(
        routes=[
            Route("/", doors.about),
            Route("/healthz", doors.healthz),
            Route("/webhook", doors.webhook, methods=["POST"]),
        ]
    )


class _Doors:
    """What is answered at each address."""

    def __init__(self, desk: Desk, secret: bytes) -> None:
        self._desk, self._secret = desk, secret
        self._pace, self._refusals = Pace(_PER_MINUTE), Pace(_REFUSALS_PER_MINUTE)

    async def webhook(self, request: Request) -> Response:
        # Before anything of the body is read: strangers make no work.
        if not authentic(request.headers.raw, self._secret):
            return self._refuse(Refused(401, f"{SECRET_HEADER} is missing or wrong"))
        body = await _body(request)
        if isinstance(body, Refused):
            return self._refuse(body)
        desk = self._desk
        said = read(request.headers.raw, body, secret=self._secret, models=desk.models, seen=desk.seen)
        if isinstance(said, Dispatch):
            return self._take(said)
        if isinstance(said, Refused):
            return self._refuse(said)
        desk.tell(f"ignored: {said.reason}")
        return JSONResponse({"ignored": said.reason})

    async def healthz(self, _request: Request) -> Response:
        return JSONResponse(self._desk.counts())

    async def about(self, _request: Request) -> Response:
        return PlainTextResponse(_ABOUT)

    def _take(self, event: Dispatch) -> Response:
        if not self._pace.take(time.monotonic()):
            return self._refuse(Refused(429, "too many events at once; the schedule of the workflow finds the others"))
        if not self._desk.take(event):
            return self._refuse(Refused(503, "too much waits already, or the relay is ending"))
        return JSONResponse({"taken": [str(one) for one in event.sightings]}, 202)

    def _refuse(self, answer: Refused) -> Response:
        if self._refusals.take(time.monotonic()):
            self._desk.tell(f"refused ({answer.status}): {answer.reason}")
        return JSONResponse({"error": answer.reason}, answer.status)


async def _body(request: Request) -> bytes | Refused:
    """What was posted, as far as it is not too much and comes in time."""

    async def whole() -> bytes | Refused:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                return Refused(413, f"the body is larger than {MOST_BYTES:,} bytes")
        return bytes(body)

    try:
        return await asyncio.wait_for(whole(), _BODY_PATIENCE_S)
    except asyncio.TimeoutError:
        return Refused(408, f"the body did not arrive within {_BODY_PATIENCE_S} seconds")
    except ClientDisconnect:
        return Refused(400, "the body was cut short")


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise HubFailed(
            f"The relay cannot listen on {host} port {port}: {error.strerror}.", hint="Name another --port."
        ) from None
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextlib.contextmanager
def _answering(app: Starlette, listener: socket.socket) -> Iterator[None]:
    """Answer on the socket while the block lasts; then end what is being answered."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            http="h11",  # named, so that it behaves the same whatever parsers are installed
            lifespan="off",
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="relay", daemon=True)
    thread.start()
    try:
        if not server.ready.wait(_START_LIMIT_S):
            raise HubFailed(f"The relay did not start within {_START_LIMIT_S} seconds.")
        yield
    finally:
        server.should_exit = True
        thread.join()
