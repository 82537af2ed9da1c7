"""What is measured against what: a Hub in a process of its own, and what git itself has to offer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = """
import json, sys
from hubver.localhub import LocalHub
with LocalHub(sys.argv[1]) as hub:
    print(json.dumps(hub.environment()), flush=True)
    sys.stdin.read()
"""
GIT = {
    **os.environ,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    # No tidying up in the background while something is measured.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    **{f"GIT_{who}_{what}": "dev@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class HubProcess:
    """A running Hub."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.environment = json.loads(process.stdout.readline())

    def memory(self, name: str = "VmHWM") -> int:
        """Bytes of memory that the process holds (`VmRSS`), or the most that it has held."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@contextmanager
def hub(root: Path) -> Iterator[HubProcess]:
    """A Hub on `root`."""
    command = [sys.executable, "-c", SERVE, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield HubProcess(process)
        process.stdin.close()


def git(*arguments: object, home: Path, cwd: Path | None = None) -> str:
    """Run stock git with nothing of the user's configuration."""
    command = ["git", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd or home, env={**GIT, "HOME": str(home)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr}")
    return done.stdout


def bare_repo(folder: Path, home: Path) -> Path:
    """An empty bare repo that takes pushes over HTTP and keeps what it gets for good, as the Hub does."""
    repo = folder / "bare.git"
    git("init", "-q", "--bare", "-b", "main", repo, home=home)
    for name, value in {"http.receivepack": "true", "core.fsync": "committed"}.items():
        git("config", name, value, home=home, cwd=repo)
    return repo


@contextmanager
def git_over_http(folder: Path) -> Iterator[str]:
    """The repos in `folder` over HTTP by `git http-backend`, which is how git's own book says to serve them."""
    backend = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip())

    class Handler(_Backend):
        program = str(backend / "git-http-backend")
        root = str(folder)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Backend(BaseHTTPRequestHandler):
    """Hands each request to git by CGI (RFC 3875), its body and answer piece by piece."""

    program: str
    root: str
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._run()

    def do_POST(self) -> None:
        self._run()

    def log_message(self, *_: object) -> None:
        pass

    def _run(self) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "REMOTE_USER": "dev",
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            **{
                f"HTTP_{name.upper().replace('-', '_')}": value
                for name, value in self.headers.items()
                if name.lower() in {"content-encoding", "git-protocol"}
            },
        }
        if "Content-Length" in self.headers:
            environment["CONTENT_LENGTH"] = self.headers["Content-Length"]
        with subprocess.Popen(
            [self.program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            for piece in self._body():
                child.stdin.write(piece)
            child.stdin.close()
            self._answer(child.stdout)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left and (piece := self.rfile.read(min(left, 2**20))):
                left -= len(piece)
                yield piece

    def _answer(self, output) -> None:
        headers = []
        status = 200
        while line := output.readline().strip():
            name, _, value = line.decode().partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            else:
                headers.append((name, value))
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        while piece := output.read(2**20):
            self.wfile.write(piece)
