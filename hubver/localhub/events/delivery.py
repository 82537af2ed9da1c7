"""Sending events to webhooks, in the background and again where the receiver fails."""

from __future__ import annotations

import heapq
import http.client
import itertools
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_PATIENCE_S = 10
_FIRST_WAIT_S = 0.2


@dataclass(frozen=True)
class Parcel:
    """One event for one webhook: its id, the address, the JSON, the secret, and how often it was tried."""

    webhook: str
    url: str
    body: bytes
    secret: str | None
    tried: int = 0


class Courier:
    """Delivers parcels while the `with` block lasts; those left at its end are dropped.

    Each webhook has a line of its own, so that a slow receiver keeps only itself waiting.

    Args:
        tries: how often a parcel is tried; after each failure it waits twice as long as after the one before.
    """

    def __init__(self, tries: int) -> None:
        self._tries = tries
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            lines = list(self._lines.values())
        for line in lines:
            line.stop()

    def take(self, parcel: Parcel) -> None:
        """Deliver a parcel as soon as those before it are, without waiting for that."""
        with self._lock:
            if parcel.webhook not in self._lines:
                self._lines[parcel.webhook] = _Line(self._tries)
            self._lines[parcel.webhook].take(parcel)


class _Line:
    """A thread that delivers what is for one webhook."""

    def __init__(self, tries: int) -> None:
        self._tries = tries
        self._order = itertools.count()
        self._parcels: list[tuple[float, int, Parcel]] = []
        self._changed = threading.Condition()
        self._stopped = False
        # A daemon, because nobody waits at the end for a receiver that does not answer.
        threading.Thread(target=self._run, name="localhub-webhook", daemon=True).start()

    def stop(self) -> None:
        """Drop what is left; what is being delivered ends by itself."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def take(self, parcel: Parcel, wait: float = 0) -> None:
        """Deliver a parcel, at the earliest in `wait` seconds."""
        with self._changed:
            heapq.heappush(self._parcels, (time.monotonic() + wait, next(self._order), parcel))
            self._changed.notify()

    def _run(self) -> None:
        while (parcel := self._next()) is not None:
            tried = parcel.tried + 1
            if not _delivered(parcel) and tried < self._tries:
                self.take(replace(parcel, tried=tried), _FIRST_WAIT_S * 2**parcel.tried)

    def _next(self) -> Parcel | None:
        """Wait for the next parcel that is due; None at the end."""
        with self._changed:
            while not self._stopped:
                wait = self._parcels[0][0] - time.monotonic() if self._parcels else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._parcels)[2]
                self._changed.wait(wait)
            return None


def _delivered(parcel: Parcel) -> bool:
    """Post a parcel, and say whether the receiver took it. Redirects are not followed."""
    target = urlsplit(parcel.url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/json"}
    if parcel.secret is not None:
        headers["X-Webhook-Secret"] = parcel.secret
    connection = kind(target.hostname or "", target.port, timeout=_PATIENCE_S)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.request("POST", path, parcel.body, headers)
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
