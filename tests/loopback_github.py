"""A small GitHub on a port, for the client: it remembers what it was sent, and answers as it is told to.

What it is sent is held to GitHub's own description of its API. Unlike `workflows.github_api` it needs no forge, and can
answer anything.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from workflows.openapi import Description

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: object


@dataclass
class Reply:
    """An answer; a status of 0 hangs up without one, after the request was carried out if `late`."""

    status: int
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    late: bool = False


class LoopbackGithub:
    """Statuses, deployments and dispatches of any repository, as GitHub's REST API takes them.

    Attributes:
        asked: all requests, in their order.
        replies: what to answer next instead of what is right.
        commits: those that the repository has.
        statuses: (commit, body), in their order.
        deployments: as they are listed, the newest first.
        described: whether nothing but what GitHub describes may be asked.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Reply] = []
        self.commits: set[str] = set()
        self.statuses: list[tuple[str, dict]] = []
        self.deployments: list[dict] = []
        self.deployment_statuses: list[tuple[int, dict]] = []
        self.dispatched: list[dict] = []
        self.described = True
        self._invalid: list[object] = []
        self._description = Description()

    def __enter__(self) -> Self:
        github = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                github.asked.append(asked)
                if github.described:
                    github.check(asked)
                reply = github.replies.pop(0) if github.replies else None
                if reply is None or reply.late:
                    right = github.answer(asked)
                self.send(reply if reply is not None else right)

            do_GET = do_POST  # noqa: N815 - the name is http.server's

            def send(self, reply: Reply) -> None:
                if reply.status == 0:
                    self.close_connection = True
                    return
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                data = b"" if reply.body is None else data
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        assert self._invalid == []

    def check(self, asked: Asked) -> None:
        """Note what GitHub's description does not allow."""
        url = urlsplit(asked.path)
        operation = self._description.find(asked.method, url.path)
        if operation is None:
            self._invalid.append(asked.path)
            return
        self._invalid += self._description.request_errors(operation, dict(parse_qsl(url.query)), asked.body)

    def answer(self, asked: Asked) -> Reply:
        """What GitHub does and answers."""
        url = urlsplit(asked.path)
        _, _repos, _owner, _name, *rest = url.path.split("/")
        if asked.method == "POST" and rest[0] == "statuses":
            return self._status(rest[1], asked.body)
        if asked.method == "POST" and rest == ["deployments"]:
            made = {**asked.body, "id": 100 + len(self.deployments), "sha": asked.body["ref"]}
            self.deployments.insert(0, made)
            return Reply(201, made)
        if asked.method == "GET" and rest == ["deployments"]:
            wanted = dict(parse_qsl(url.query)).items()
            listed = [one for one in self.deployments if wanted <= {**one, "payload": None}.items()]
            return Reply(200, listed)
        if asked.method == "POST" and rest[0] == "deployments" and rest[2:] == ["statuses"]:
            self.deployment_statuses.append((int(rest[1]), asked.body))
            return Reply(201, {"id": 1})
        if asked.method == "POST" and rest == ["dispatches"]:
            self.dispatched.append(asked.body)
            return Reply(204)
        return Reply(404, {"message": "Not Found"})

    def _status(self, sha: str, body: dict) -> Reply:
        if sha not in self.commits:
            return Reply(422, {"message": f"No commit found for SHA: {sha}"})
        self.statuses.append((sha, body))
        return Reply(201, {"id": 1})
