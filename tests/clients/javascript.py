"""The Hub's JavaScript client: installed once, and run in a node process that answers one call after another."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import node_packages

_SOURCE = Path(__file__).parent / "js"


class JsError(Exception):
    """What the client threw: its message, and the HTTP status if there was one."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def install(cache):
    """Install the client below `cache`, unless it is there; answer its folder."""
    return node_packages.install(cache, _SOURCE)


class Client:
    """Calls functions of the client by name; bytes stand for blobs both ways."""

    def __init__(self, folder, url, token):
        environment = {"PATH": os.environ["PATH"], "HUB_URL": url, "HUB_TOKEN": token}
        self._process = subprocess.Popen(
            ["node", "driver.mjs"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self):
        with self._process as process:
            process.stdin.close()
            process.wait(timeout=30)

    def __call__(self, name, /, *, slice=None, **params):  # noqa: A002 - JavaScript's name for it
        request = json.dumps({"name": name, "params": params, "slice": slice}, default=_blob)
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline(), object_hook=_bytes)
        if "error" in answer:
            raise JsError(answer["error"], answer["status"])
        return answer["result"]


def _blob(value):
    return {"$base64": base64.b64encode(value).decode()}


def _bytes(value):
    return base64.b64decode(value["$base64"]) if set(value) == {"$base64"} else value
