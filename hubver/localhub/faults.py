"""Faults on request: the failures that a client of the real Hub meets now and then, exactly when a test wants them.

```python
with LocalHub() as hub:
    hub.faults.add("POST", "/api/models/*/commit/*", Drop("after"))
    ...  # the next commit lands, and its client sees the connection close without an answer
    hub.faults.add("GET", "/api/*/refs", Answer(429, reset=30), times=2)
    hub.faults.add("*", "*", Delay(0.5), times=None)
    hub.faults.clear()
```
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, Protocol

from hubver.errors import BadInput
from hubver.localhub.errors import HubError
from hubver.localhub.web.connection import hang_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STALE_REFS = "localhub.stale-refs"
"""Key of a request's scope: where `Stale` leaves what the routes are to believe of the refs."""

When = Literal["before", "after"]
_TEXTS = {
    429: "We had to rate limit you, you hit the quota of 1000 api requests per 5 minutes period.",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}


class Effect(Protocol):
    """What happens to a request in place of, or on top of, its answer."""

    async def apply(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""


@dataclass(frozen=True)
class Answer:
    """Answer with an error.

    Args:
        status: HTTP status, 400 to 599.
        when: `before` the request has any effect, or `after` it had all of it.
        reset: seconds until the limit ends, told with status 429 in the Hub's `RateLimit` headers.
        message: text of the error; None for the Hub's own.
    """

    status: int
    when: When = "before"
    reset: int = 0
    message: str | None = None

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise BadInput("A fault answers with an error", expected="a status from 400 to 599", found=str(self.status))

    async def apply(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if self.when == "after":
            await app(scope, receive, _discard)
        headers = {}
        if self.status == 429:
            headers["RateLimit"] = f'"api";r=0;t={self.reset}'
            headers["RateLimit-Policy"] = '"fixed window";"api";q=1000;w=300'
        message = self.message or _TEXTS.get(self.status, f"Error {self.status}")
        await HubError(self.status, message, headers=headers).response()(scope, receive, send)


@dataclass(frozen=True)
class Drop:
    """Close the TCP connection without an answer, `before` the request has any effect or `after` it had all of it."""

    when: When = "before"

    async def apply(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - an effect's shape
        """Serve the request."""
        if self.when == "after":
            await app(scope, receive, _discard)
        await hang_up(scope, receive)


@dataclass(frozen=True)
class Truncate:
    """Send the headers, with the length of the whole, and close the connection after `size` bytes of the body."""

    size: int

    async def apply(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        left = self.size

        async def send_first_bytes(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.body":
                body = message.get("body", b"")[:left]
                left -= len(body)
                message = {**message, "body": body, "more_body": True}
            await send(message)

        await app(scope, receive, send_first_bytes)
        await hang_up(scope, receive)


@dataclass(frozen=True)
class Delay:
    """Serve the request only after some seconds."""

    seconds: float

    async def apply(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        await asyncio.sleep(self.seconds)
        await app(scope, receive, send)


@dataclass(frozen=True)
class Stale:
    """Answer a GET or HEAD as if refs had not moved yet, as the real Hub's caches and replicas do for a while.

    Writes, and what git fetches, see the refs as they are; a push is told the stale ones first.

    Args:
        refs: the commit that each ref is said to be at, by full name; None for one that is said to be absent.
    """

    refs: Mapping[str, str | None]

    async def apply(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        await app({**scope, STALE_REFS: self.refs}, receive, send)


async def _discard(_message: Message) -> None:
    """Take a part of an answer that nobody will see."""


@dataclass
class _Rule:
    method: str
    path: str
    effect: Effect
    left: int | None

    def matches(self, method: str, path: str) -> bool:
        return self.left != 0 and self.method in ("*", method) and fnmatchcase(path, self.path)


@dataclass
class Faults:
    """The rules of one Hub, which may be changed while it runs. The oldest rule that matches a request is the one."""

    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, method: str, path: str, effect: Effect, *, times: int | None = 1) -> None:
        """Let requests fail.

        Args:
            method: of the request; `*` for any.
            path: of the request as it is sent, so `%2F` within a revision, and without its query; `*` stands for any
                characters, slashes too.
            effect: what happens.
            times: how many requests it happens to; None for all until `clear`.
        """
        with self._lock:
            self._rules.append(_Rule(method.upper(), path, effect, times))

    def clear(self) -> None:
        """Forget every rule. A request that one of them is already happening to is not saved."""
        with self._lock:
            self._rules.clear()

    @property
    def pending(self) -> int:
        """How many faults of rules with a number of times have not happened yet."""
        with self._lock:
            return sum(rule.left or 0 for rule in self._rules)

    def take(self, method: str, path: str) -> Effect | None:
        """Answer what is to happen to a request, and count it."""
        with self._lock:
            for rule in self._rules:
                if rule.matches(method, path):
                    if rule.left is not None:
                        rule.left -= 1
                    return rule.effect
        return None


class FaultyApp:
    """An application in whose way faults may stand."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or let its fault do so."""
        effect = self._faults.take(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if effect is None:
            await self._app(scope, receive, send)
        else:
            await effect.apply(self._app, scope, receive, send)
