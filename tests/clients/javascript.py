"""The Hub's JavaScript client: installed once, and run in a node process that answers one call after another."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock
from tools import REQUIRE

_SOURCE = Path(__file__).parent / "js"


class JsError(Exception):
    """What the client threw: its message, and the HTTP status if there was one."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def install(cache):
    """Install what the lock file names into a folder below `cache`, unless it is there; answer the folder."""
    lock = (_SOURCE / "package-lock.json").read_bytes()
    folder = cache / hashlib.sha256(lock).hexdigest()[:16]
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_SOURCE / name, folder)
            command = [
                "npm",
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--omit=optional",
                "--fetch-retries=1",
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode != 0:
                reason = f"npm cannot install the client: {done.stderr[-300:]}"
                pytest.fail(reason) if os.environ.get(REQUIRE) else pytest.skip(reason)
            (folder / "done").touch()
        # Beside its packages, because that is where node looks for them.
        shutil.copy(_SOURCE / "driver.mjs", folder)
    return folder


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
