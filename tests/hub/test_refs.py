from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from hubver.errors import BadToken, HubUnreachable, NotFound, StaleRef
from hubver.hub.client import Hub
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import connect, move


def test_several_refs_move_together(repo):
    one, two = repo.commit("one"), repo.commit("two")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", None, one)])
    move(
        repo.hub,
        repo.repo_id,
        [Move("refs/heads/production", one, two), Move("refs/tags/rollback/1-x", None, one)],
    )
    refs = repo.refs()
    assert (refs.branches["production"], refs.tags["rollback/1-x"]) == (two, one)


@pytest.mark.parametrize("stale", ["another commit", "not there"])
def test_one_stale_ref_stops_them_all(repo, stale):
    one, two = repo.commit("one"), repo.commit("two")
    if stale == "another commit":
        move(repo.hub, repo.repo_id, [Move("refs/heads/production", None, two)])
    before = repo.refs()
    with pytest.raises(StaleRef, match="production"):
        move(
            repo.hub,
            repo.repo_id,
            [Move("refs/tags/new", None, one), Move("refs/heads/production", one, two)],
        )
    assert repo.refs() == before


def test_an_existing_tag_is_never_moved(repo):
    one, two = repo.commit("one"), repo.commit("two")
    move(repo.hub, repo.repo_id, [Move("refs/tags/v1.0.0", None, one)])
    with pytest.raises(StaleRef):
        move(repo.hub, repo.repo_id, [Move("refs/tags/v1.0.0", None, two)])
    assert repo.refs().tags["v1.0.0"] == one


def test_sixteen_racers_and_one_winner(repo):
    base = repo.commit("base")
    shas = [repo.commit(f"candidate {n}") for n in range(16)]
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", None, base)])
    start, outcomes = threading.Barrier(16), []

    def race(sha: str) -> None:
        start.wait()
        try:
            move(
                repo.hub, repo.repo_id, [Move("refs/heads/production", base, sha), Move(f"refs/tags/{sha}", None, base)]
            )
            outcomes.append(sha)
        except StaleRef:
            outcomes.append(None)

    threads = [threading.Thread(target=race, args=(sha,)) for sha in shas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [sha for sha in outcomes if sha]
    refs = repo.refs()
    assert len(outcomes) == 16
    assert [refs.branches["production"]] == winners
    assert list(refs.tags) == winners  # the losers' tags did not come into being


def test_of_refs_that_move_together_the_one_that_is_elsewhere_is_named(repo):
    one, two, three = (repo.commit(content) for content in ("one", "two", "three"))
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", None, one)])
    way = connect(repo.hub, repo.repo_id)
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", one, two)])
    together = [Move("refs/tags/x", None, one), Move("refs/heads/production", one, three)]
    with pytest.raises(StaleRef, match="refs/heads/production in acme/router was not moved"):
        way.carry_out(None, together)
    assert "x" not in repo.refs().tags


@pytest.mark.parametrize(
    ("token", "repo_id", "error"),
    [("hf_wrong", "acme/router", BadToken), (None, "acme/router", BadToken), ("right", "acme/missing", NotFound)],
)
def test_refusals(repo, token, repo_id, error):
    sha = repo.commit("one")
    given = repo.hub.token if token == "right" else SecretStr(token) if token else None
    with pytest.raises(error) as caught:
        move(Hub(repo.hub.endpoint, given), repo_id, [Move("refs/heads/x", None, sha)])
    assert "hf_" not in str(caught.value)


def test_a_read_only_token_may_not_push(repo, local_hub):
    sha = repo.commit("one")
    reader = Hub(repo.hub.endpoint, SecretStr(local_hub.add_user("reader", write=False)))
    with pytest.raises(BadToken):
        move(reader, repo.repo_id, [Move("refs/heads/x", None, sha)])
    assert "x" not in repo.refs().branches


@contextmanager
def losing_answers(endpoint: str, *, on: str, deliver: bool):
    """A proxy that passes everything on, but hangs up instead of answering POSTs to paths that end with `on`."""
    from huggingface_hub.utils import get_session

    class Proxy(BaseHTTPRequestHandler):
        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            lost = self.command == "POST" and self.path.endswith(on)
            if lost and not deliver:
                self.close_connection = True
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "content-length"}}
            answer = get_session().request(self.command, endpoint + self.path, content=body, headers=headers)
            if lost:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "content-encoding", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = forward  # noqa: N815 - http.server looks for these names

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_lost_answer_is_not_a_failure(repo):
    sha = repo.commit("one")
    with losing_answers(repo.hub.endpoint, on="git-receive-pack", deliver=True) as endpoint:
        move(Hub(endpoint, repo.hub.token), repo.repo_id, [Move("refs/heads/production", None, sha)])
    assert repo.refs().branches["production"] == sha


def test_a_lost_question_is_a_failure(repo):
    sha = repo.commit("one")
    with (
        losing_answers(repo.hub.endpoint, on="git-receive-pack", deliver=False) as endpoint,
        pytest.raises(HubUnreachable),
    ):
        move(Hub(endpoint, repo.hub.token), repo.repo_id, [Move("refs/heads/production", None, sha)])
    assert "production" not in repo.refs().branches


def test_stock_git_reads_what_was_pushed(repo, tmp_path):
    sha = repo.version("v1.0.0")
    commit = repo.judge(sha)
    url = f"{repo.hub.endpoint}/{repo.repo_id}"
    subprocess.run(["git", "clone", "-q", "--bare", url, str(tmp_path / "r")], check=True)
    git = ["git", "-C", str(tmp_path / "r")]
    subprocess.run([*git, "fsck", "--strict"], check=True, capture_output=True)
    said = subprocess.run([*git, "log", "-1", "--format=%H %s", "ledger"], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == f"{commit} verdict pass for v1.0.0 (no production yet)"
    files = subprocess.run([*git, "ls-tree", "--name-only", "ledger"], check=True, capture_output=True, text=True)
    assert files.stdout.split() == ["event.json", "gate-report.md"]
    event = subprocess.run([*git, "show", "ledger:event.json"], check=True, capture_output=True)
    body = subprocess.run([*git, "log", "-1", "--format=%b", "ledger"], check=True, capture_output=True)
    assert body.stdout.strip() == event.stdout.strip()
