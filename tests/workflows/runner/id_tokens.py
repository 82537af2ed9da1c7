"""Where jobs with `id-token: write` ask for their id token, on a real port."""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class IdTokens:
    """Hands out id tokens of an issuer to those jobs that may ask for one.

    Args:
        issuer: an `oidc_issuer.Issuer`, which signs them; none makes asking fail.
    """

    def __init__(self, issuer=None):
        self.issuer = issuer
        self.asked = []
        self._jobs = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.tokens = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def lending(self, job):
        """Let a job ask while the block lasts, if it may; yields the variables that it finds.

        "ACTIONS_ID_TOKEN_REQUEST_URL" and its token are there with `id-token: write` only:
        https://docs.github.com/en/actions/reference/security/oidc
        """
        if job.permissions["id-token"] != "write":
            yield {}
            return
        secret = secrets.token_hex(20)
        job.masks.add(secret)
        self._jobs[secret] = job
        try:
            yield {
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{self._server.server_port}/idtoken?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": secret,
            }
        finally:
            del self._jobs[secret]

    def answer(self, authorization, path, query):
        """The status and body of an answer."""
        job = self._jobs.get((authorization or "").removeprefix("Bearer "))
        if path != "/idtoken":
            return 404, {}
        if job is None or self.issuer is None:
            return 401, {}
        audience = query.get("audience", [f"https://github.com/{job.repository.owner}"])[0]
        self.asked.append((job.result.name, audience))
        token = self.issuer.mint(audience, **job.claims())
        return 200, {"count": len(token), "value": token}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urlsplit(self.path)
        status, body = self.server.tokens.answer(self.headers["Authorization"], asked.path, parse_qs(asked.query))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
