"""A Hub in a process of its own that tells how many requests reach it, and how many bytes go in and out.

Every request counts, git's two of a push as well, and so do one without credentials that is asked for them and each that a
client makes by itself. Bytes are those of heads and bodies as HTTP/1.1 writes them, without the framing of chunks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Traffic:
    """What reached the Hub, and what it answered.

    Attributes:
        requests: method and path of each, in order.
        sent: bytes that clients sent.
        received: bytes that they got.
        processor: seconds that the Hub had of a processor.
    """

    requests: tuple[str, ...]
    sent: int
    received: int
    processor: float


class Counting:
    """An ASGI application that counts what passes."""

    def __init__(self, app) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._used = 0.0
        self.take()

    def take(self) -> dict[str, object]:
        """What has passed since the last time."""
        with self._lock:
            taken = dict(self.__dict__.get("_counts", {}))
            self._counts = {"requests": [], "sent": 0, "received": 0}
            taken["processor"] = time.process_time() - self._used
            self._used = time.process_time()
        return taken

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["raw_path"].decode("ascii", "replace")
        query = scope["query_string"].decode("ascii", "replace")
        with self._lock:
            self._counts["requests"].append(f"{scope['method']} {path}{'?' * bool(query)}{query}")
        self._add("sent", len(scope["method"]) + len(path) + len(query) + 13 + head(scope["headers"]))

        async def counted_receive():
            message = await receive()
            self._add("sent", len(message.get("body", b"")))
            return message

        async def counted_send(message) -> None:
            if message["type"] == "http.response.start":
                self._add("received", 17 + head(message["headers"]))
            self._add("received", len(message.get("body", b"")))
            await send(message)

        await self._app(scope, counted_receive, counted_send)

    def _add(self, name: str, size: int) -> None:
        with self._lock:
            self._counts[name] += size


def head(headers) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers) + 2


class CountedHub:
    """A running Hub.

    Attributes:
        root: the folder that holds everything it has.
        environment: what points clients to it.
    """

    def __init__(self, root: Path, process: subprocess.Popen[str]) -> None:
        self.root = root
        self._process = process
        self.environment: dict[str, str] = json.loads(process.stdout.readline())

    def take(self) -> Traffic:
        """What reached the Hub since this was last asked."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        taken = json.loads(self._process.stdout.readline())
        return Traffic(tuple(taken["requests"]), taken["sent"], taken["received"], taken["processor"])


@contextmanager
def counted_hub(root: Path) -> Iterator[CountedHub]:
    """A Hub on `root`."""
    command = [sys.executable, "-m", "benchmarks.counted_hub", str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield CountedHub(root, process)
        finally:
            process.stdin.close()


def serve(root: str) -> None:
    """Serve until stdin ends, and answer each of its lines with what has passed since the last."""
    from hubver.localhub import server

    made = []
    create = server.create_app

    def counted(hub):
        made.append(Counting(create(hub)))
        return made[0]

    server.create_app = counted
    with server.LocalHub(root) as hub:
        print(json.dumps(hub.environment()), flush=True)
        for _ in sys.stdin:
            print(json.dumps(made[0].take()), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
