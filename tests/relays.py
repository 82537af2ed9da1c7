"""A relay in a process of its own, and a GitHub on loopback that keeps what it is sent."""

from __future__ import annotations

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from webhook_events import SECRET
from workflows.openapi import Description

GITHUB = "acme/router-ci"
GITHUB_TOKEN = "github_pat_11AAAAAAA0aTokenThatMustNeverBePrinted"
_PATIENCE_S = 60


class Github(ThreadingHTTPServer):
    """Takes dispatches.

    Attributes:
        statuses: of the next answers; then it is 204, as GitHub's.
        open: whether it answers at all; requests wait until it is set.
        invalid: what GitHub's description of its API does not allow in a request.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests = queue.Queue()
        self.statuses = []
        self.invalid = []
        self.description = Description()
        self.open = threading.Event()
        self.open.set()

    def taken(self):
        """All requests since it was last asked: path, client_payload, status."""
        found = []
        while not self.requests.empty():
            found.append(self.requests.get())
        return found


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {GITHUB_TOKEN}" or body.get("event_type") != "hubver-candidate":
            self.server.invalid.append((dict(self.headers), body))
        operation = self.server.description.find("POST", self.path)
        self.server.invalid += self.server.description.request_errors(operation, {}, body)
        self.server.open.wait(_PATIENCE_S)
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.server.requests.put((self.path, body["client_payload"], status))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Relay:
    """`hubver relay` in a process of its own."""

    def __init__(self, process):
        self.process = process
        self.log = []
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(self.line("listening: ").split("/webhook")[0].rpartition(":")[2])

    def line(self, *words):
        """The next line with these words; those before it are passed over."""
        while True:
            line = self._lines.get(timeout=_PATIENCE_S)
            assert line is not None, f"it ended without saying {words}:\n{''.join(self.log)}"
            if all(word in line for word in words):
                return line

    def post(self, body, headers=None, path="/webhook", method="POST"):
        """Status and JSON of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, body, {"X-Webhook-Secret": SECRET} if headers is None else headers)
            answer = connection.getresponse()
            said = answer.read().decode()
            return answer.status, json.loads(said) if said.startswith("{") else said
        finally:
            connection.close()

    def end(self):
        """End it as a Space does; answers its exit code and all that it said."""
        self.process.terminate()
        code = self.process.wait(_PATIENCE_S)
        self._reader.join()
        return code, "".join(self.log)

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)
            self._lines.put(line)
        self._lines.put(None)


def variables(hub, github):
    """The environment of a relay, or of who pushes."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "WEBHOOK_"))},
        **hub.environment(),
        "HUBVER_WEBHOOK_SECRET": SECRET,
        "HUBVER_GITHUB_TOKEN": GITHUB_TOKEN,
        "GITHUB_API_URL": github.url,
    }


@contextmanager
def relaying(hub, github, *models):
    """A relay that watches these models."""
    chosen = [part for model in models for part in ("--model", f"{model}={GITHUB}")]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "hubver", "relay", "--port", "0", *chosen],
        env=variables(hub, github),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        relay = Relay(process)
        yield relay
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
