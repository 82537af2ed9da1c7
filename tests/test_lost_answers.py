"""Every command survives the loss of any of its writes: run again, it leaves what one undisturbed run leaves.

A proxy loses the k-th request that changes something, or the answer to it, for every k; afterwards the line goes on, or
is gone for good, which to the Hub looks like a process that was killed there. What lies between two writes changes
nothing on the Hub, so these are all the states that a killed command can leave.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from histories import Repo
from outputs import write_adapter

from hubver.errors import HubverError
from hubver.hub import ledger
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.publish import push
from hubver.release import promote, rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hubver.settings import Settings

# The requests by which refs move; all others leave every ref where it is.
WRITES = ("/commit/main", "git-receive-pack", "/merge", "/status")


@dataclass
class Line:
    """How the line to the Hub behaves.

    Attributes:
        lose: which write meets with an accident, counted from 1; none if 0.
        delivered: whether the Hub gets it, so that only the answer is lost.
        cut: whether nothing comes through from then on.
        atomic: whether the Hub takes all refs of a push together.
    """

    lose: int = 0
    delivered: bool = False
    cut: bool = False
    atomic: bool = True
    writes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def accident(self, command: str, path: str) -> bool:
        """Count a request; whether it is the one."""
        with self.lock:
            self.writes += command == "POST" and path.partition("?")[0].endswith(WRITES)
            hit = self.writes == self.lose != 0
            self.lose = 0 if hit else self.lose
            return hit


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: str, line: Line) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub, self.line = urlsplit(hub), line

    def cut(self) -> None:
        """Refuse every connection from now on."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> Any:
        try:
            return super().get_request()
        except OSError:  # cut
            time.sleep(0.01)
            raise


class Handler(BaseHTTPRequestHandler):
    server: Proxy

    def forward(self) -> None:
        line, body = self.server.line, self.rfile.read(int(self.headers.get("Content-Length", 0)))
        lost = line.accident(self.command, self.path)
        if lost and line.cut:
            self.server.cut()
        if lost and not line.delivered:
            return
        hub = http.client.HTTPConnection(str(self.server.hub.hostname), self.server.hub.port, timeout=60)
        # With the proxy's own address as `Host`, so that the Hub names addresses on this side of it.
        kept = {k: v for k, v in self.headers.items() if k.lower() not in {"content-length", "connection"}}
        hub.request(self.command, self.path, body=body or None, headers=kept)
        answer = hub.getresponse()
        data = answer.read()
        hub.close()
        if lost:
            return
        if not line.atomic and "service=git-receive-pack" in self.path:
            data = data.replace(b" atomic ", b" at-one ")
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = forward  # noqa: N815  # http.server looks for these names

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def through(line: Line, settings: Settings) -> Iterator[Settings]:
    """The settings of somebody whose requests go over this line."""
    with Proxy(settings.endpoint, line) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield settings.model_copy(update={"endpoint": f"http://127.0.0.1:{proxy.server_port}"})
        finally:
            proxy.shutdown()
            thread.join()


@dataclass
class Case:
    """A command with what it needs: `run(settings)` runs it."""

    repo: Repo
    run: Callable[[Settings], object]


def releases(repo: Repo, *tags: str) -> None:
    for tag in tags:
        repo.judge(repo.version(tag))
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)


def pushing(repo: Repo, folder: Path) -> Case:
    return Case(repo, lambda settings: push(write_adapter(folder), repo.repo_id, settings=settings))


def proposing(repo: Repo, folder: Path) -> Case:
    return Case(repo, lambda settings: push(write_adapter(folder), repo.repo_id, pr=True, settings=settings))


def promoting(repo: Repo, _folder: Path) -> Case:
    releases(repo, "v1.0.0")
    repo.judge(repo.version("v1.1.0"))
    return Case(repo, lambda settings: promote(f"{repo.repo_id}@v1.1.0", settings=settings))


def promoting_a_candidate(repo: Repo, _folder: Path) -> Case:
    releases(repo, "v1.0.0")
    sha = repo.commit("weights of a candidate", pull_request=True)
    move(repo.hub, repo.repo_id, [Move("refs/tags/v1.1.0-rc.1", None, sha)])
    repo.judge(sha)
    return Case(repo, lambda settings: promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=settings))


def rolling_back(repo: Repo, folder: Path) -> Case:
    repo.settings = repo.settings.model_copy(update={"cache": folder.parent})
    releases(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    # A second plain rollback would go further back: this one must know its first self again.
    return Case(repo, lambda settings: rollback(repo.repo_id, settings=settings))


def seen(repo: Repo) -> dict[str, object]:
    """Everything that a command may change, by what it is and not by its sha."""
    refs = repo.refs()
    commits = {name: [c.title for c in repo.hub.commits(repo.repo_id, name, limit=100)] for name in refs.branches}
    names = {commit.sha: commit.title for commit in repo.hub.commits(repo.repo_id, refs.main, limit=100)}
    names |= {sha: f"pull request {number}" for number, sha in refs.pulls.items()}
    state = ledger.state(repo.hub, repo.repo_id, refs)
    discussions = repo.hub.api.get_repo_discussions(repo.repo_id)
    return {
        # A verdict's title tells the sha of its baseline.
        "commits": {name: [title.partition(" (against")[0] for title in titles] for name, titles in commits.items()},
        "production": names.get(refs.branches.get("production", "")),
        "tags": {tag: names[sha] for tag, sha in refs.tags.items()},
        "way back": [(point.tag, names[point.release.sha]) for point in state.points("production")],
        "discussions": [(discussion.num, discussion.status) for discussion in discussions],
    }


@pytest.mark.parametrize("atomic", [True, False], ids=["all refs at once", "one ref at a time"])
@pytest.mark.parametrize("prepare", [pushing, proposing, promoting, promoting_a_candidate, rolling_back])
def test_run_again_it_leaves_what_one_run_leaves(repo, output, tmp_path, prepare, atomic):
    def case(name: str) -> Case:
        repo.hub.create_repo(f"acme/{name}")
        return prepare(Repo(repo.hub, repo.settings, f"acme/{name}"), tmp_path / name / "out")

    undisturbed = case("undisturbed")
    with through(line := Line(atomic=atomic), undisturbed.repo.settings) as settings:
        undisturbed.run(settings)
    wanted = seen(undisturbed.repo)
    assert line.writes >= 1
    for write, delivered, cut in product(range(1, line.writes + 1), [False, True], [False, True]):
        point = f"write{write}-{'answer' if delivered else 'question'}-{'cut' if cut else 'on'}"
        disturbed = case(point)
        with through(Line(write, delivered=delivered, cut=cut, atomic=atomic), disturbed.repo.settings) as settings:
            try:
                # A merge that failed after its promotion is a note, not an error.
                done = getattr(disturbed.run(settings), "note", None) is None
            except HubverError:
                done = False
        if not done:
            with through(Line(atomic=atomic), disturbed.repo.settings) as settings:
                disturbed.run(settings)
        assert seen(disturbed.repo) == wanted, point
