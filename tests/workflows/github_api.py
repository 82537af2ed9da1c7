"""GitHub's REST API on a real port, for the repositories and tokens of a forge.

Every request is held to GitHub's own description of its API, and to the permissions of its token; so is every answer to
the description. Requests are kept for a test to look at.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from workflows.github_endpoints import ENDPOINTS, Kept, Refused, Request
from workflows.openapi import Description
from workflows.runner.permissions import allows

_VERSIONS = {"2022-11-28", "2026-03-10"}
_DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Asked:
    """A request as it came, and the status of its answer."""

    method: str
    path: str
    query: dict
    body: object
    status: int


@dataclass
class _Trouble:
    """What happens to the next requests."""

    times: int
    status: int | None
    headers: dict


class GithubApi:
    """Serves a forge while a block lasts.

    Attributes:
        url: its address, which jobs of the forge find as GITHUB_API_URL.
        requests: all requests so far: `Asked`.
        invalid: what was wrong with requests that GitHub's description does not allow.
        kept: what was made: statuses, deployments, comments, ...
        down: whether it answers 503 to everything.
    """

    def __init__(self, forge):
        self.forge = forge
        self.kept = Kept()
        self.requests = []
        self.invalid = []
        self.down = False
        self._broken = []
        self._trouble = []
        self._lock = threading.Lock()
        self._description = Description()

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.forge.api_url = self.url
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        assert not self._broken, self._broken

    def limit_rate(self, times=1, *, status=403, retry_after=0):
        """Refuse the next requests: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api."""
        headers = {"Retry-After": str(retry_after), "X-RateLimit-Remaining": "0"}
        self._trouble.append(_Trouble(times, status, headers))

    def fail(self, times=1, *, status=502):
        """Answer the next requests with an error, having done nothing."""
        self._trouble.append(_Trouble(times, status, {}))

    def lose_answers(self, times=1):
        """Do what the next requests ask for, and say nothing."""
        self._trouble.append(_Trouble(times, None, {}))

    def asked(self, method, ending):
        """The requests of a method whose paths end so."""
        return [one for one in self.requests if one.method == method and one.path.endswith(ending)]

    def answer(self, method, target, headers, content):
        """The status, body and headers of an answer; no status where it gets lost."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self._parsed(content)
        with self._lock:
            trouble = self._next_trouble()
            if trouble is not None and trouble.status is not None:
                status, answered, more = trouble.status, {"message": _said(trouble)}, trouble.headers
            else:
                status, answered, more = *self._serve(method, unquote(parts.path), query, headers, body), {}
            self.requests.append(Asked(method, unquote(parts.path), query, body, status))
        lost = trouble is not None and trouble.status is None
        return None if lost else status, answered, more

    def _next_trouble(self):
        if self.down:
            return _Trouble(1, 503, {})
        if not self._trouble:
            return None
        trouble = self._trouble[0]
        trouble.times -= 1
        if trouble.times == 0:
            self._trouble.pop(0)
        return trouble

    def _serve(self, method, path, query, headers, body):
        operation = self._description.find(method, path)
        if operation is None:
            self.invalid.append(f"{method} {path} is no endpoint that is served here")
            return 404, _error(404, "Not Found")
        try:
            status, answered = self._obey(operation, query, headers, body)
        except Refused as refused:
            status, answered = refused.status, _error(refused.status, str(refused), refused.errors)
        if errors := self._description.answer_errors(operation, status, answered):
            self._broken.append((operation.name, status, errors))
        return status, answered

    def _obey(self, operation, query, headers, body):
        if not headers["User-Agent"]:
            raise Refused(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent."
            )
        version = headers["X-GitHub-Api-Version"]
        if version and version not in _VERSIONS:
            raise Refused(400, f"{version} is not a valid value for the X-GitHub-Api-Version header")
        repository, grant = self._admit(operation, headers["Authorization"] or "")
        if errors := self._description.request_errors(operation, query, body):
            self.invalid.append((operation.name, errors))
            raise Refused(422, "Validation Failed", errors)
        act = ENDPOINTS[operation.name][2]
        return act(Request(self.forge, self.kept, repository, grant.login, operation.places, query, body))

    # What a token may not see is not there; what it may see and not touch is forbidden.
    def _admit(self, operation, authorization):
        scheme, _, token = authorization.partition(" ")
        grant = self.forge.tokens.find(token) if scheme.lower() in {"bearer", "token"} else None
        if authorization and grant is None:
            raise Refused(401, "Bad credentials")
        name = f"{operation.places['owner']}/{operation.places['repo']}"
        repository = self.forge.repositories.get(name)
        if repository is None or grant is None or grant.repository != name:
            raise Refused(404, "Not Found")
        scopes, level, _ = ENDPOINTS[operation.name]
        if not any(allows(grant.permissions, scope, level) for scope in scopes):
            raise Refused(403, f"Resource not accessible by {grant.holder}")
        return repository, grant

    @staticmethod
    def _parsed(content):
        with suppress(ValueError):
            return json.loads(content) if content else None
        return content


def _said(trouble):
    return "You have exceeded a secondary rate limit." if trouble.headers else "Server Error"


def _error(status, message, errors=()):
    body = {"message": message, "documentation_url": _DOCUMENTATION, "status": str(status)}
    if errors:
        body["errors"] = [{"code": "custom", "message": error} for error in errors]
    return body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self):
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, body, headers = self.server.api.answer(self.command, self.path, self.headers, content)
        if status is None:
            self.close_connection = True
            return
        sent = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


for _method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._handle)
