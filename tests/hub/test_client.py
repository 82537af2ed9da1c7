from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from hubver.errors import BadInput, BadToken, HubFailed, HubUnreachable, HubverError, NotFound, StaleRef
from hubver.hub import pulls
from hubver.hub.client import Hub
from hubver.hub.contents import Refs, Upload


def upload(path: str, content: bytes) -> Upload:
    return Upload(path, content, sha256(content).hexdigest())


def test_a_commit_is_read_back_as_it_was_sent(repo):
    big = b"\0" * 300_000  # binary, so the Hub keeps it as a large file
    head = repo.refs().branches["main"]
    sha, number = repo.hub.commit(
        repo.repo_id,
        [upload("a.json", b"{}"), upload("w.safetensors", big)],
        title="one",
        description="two\nthree",
        parent=head,
    )
    assert number is None
    stored = repo.hub.files(repo.repo_id, sha)
    assert stored["w.safetensors"].sha256 == sha256(big).hexdigest()
    assert stored["a.json"].sha256 is None
    assert repo.hub.read(repo.repo_id, sha, "w.safetensors") == big
    newest = repo.hub.commits(repo.repo_id, "main", limit=1)[0]
    assert (newest.sha, newest.title, newest.message) == (sha, "one", "two\nthree")


def test_a_commit_for_another_head_is_refused_and_changes_nothing(repo):
    old = repo.refs().branches["main"]
    new = repo.commit("first")
    with pytest.raises(StaleRef):
        repo.hub.commit(repo.repo_id, [upload("b", b"b")], title="late", description="", parent=old)
    assert repo.refs().branches["main"] == new


def test_a_commit_can_delete(repo):
    repo.commit("first")
    head = repo.refs().branches["main"]
    sha, _ = repo.hub.commit(
        repo.repo_id, [upload("b", b"b")], delete=["weights.txt"], title="t", description="", parent=head
    )
    assert "weights.txt" not in repo.hub.files(repo.repo_id, sha)


def test_a_pull_request_is_found_by_its_title_and_merged(repo):
    head = repo.refs().branches["main"]
    sha, number = repo.hub.commit(
        repo.repo_id,
        [upload("b", b"b")],
        title="v1 [run-1]",
        description="",
        parent=head,
        pull_request=True,
    )
    assert repo.refs().find(f"refs/pr/{number}") == sha
    assert pulls.with_head(repo.refs(), sha) == number
    assert pulls.find_open(repo.hub, repo.repo_id, "run-1") == number
    assert pulls.find_open(repo.hub, repo.repo_id, "run-2") is None
    pulls.merge(repo.hub, repo.repo_id, number, head=sha, comment="good")
    assert repo.refs().branches["main"] not in {head, sha}  # a squash makes a commit of its own
    assert pulls.find_open(repo.hub, repo.repo_id, "run-1") is None


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda hub: hub.refs("acme/missing"), NotFound, "acme/missing does not exist"),
        (lambda hub: hub.resolve("acme/router", "v9"), NotFound, "no such revision"),
        (lambda hub: hub.read("acme/router", "main", "none.json"), NotFound, "no such file"),
        (lambda hub: hub.create_repo("other/router"), BadToken, "may not do this"),
        (lambda hub: hub.create_repo("a name"), BadInput, "not the name of a repository"),
    ],
)
def test_what_the_hub_refuses_is_said_in_one_sentence(repo, ask, error, words):
    with pytest.raises(error, match=words):
        ask(repo.hub)


@pytest.mark.parametrize("ask", [lambda hub: hub.refs("acme/router"), lambda hub: hub.whoami()])
def test_a_wrong_token_is_called_that(repo, ask):
    # A Hub answers a wrong token on a repository as if that did not exist.
    wrong = Hub(repo.hub.endpoint, SecretStr("hf_wrongwrongwrong"))
    with pytest.raises(BadToken, match="does not accept this token") as caught:
        ask(wrong)
    assert "hf_wrong" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


def test_no_answer_is_said_at_once():
    with pytest.raises(HubUnreachable, match="refused"):
        Hub("http://127.0.0.1:9", SecretStr("hf_x")).refs("acme/router")


def test_writing_without_a_token_is_refused_before_any_work():
    with pytest.raises(BadToken, match="no token"):
        Hub("http://127.0.0.1:9").need_token()


@contextmanager
def answering(status: int, body: str):
    """A server that is no Hub: it answers everything alike, and shows the token that it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.replace("TOKEN", self.headers.get("Authorization", "")).encode())

        do_GET = do_POST = answer  # noqa: N815  # http.server looks for these names

        def log_message(self, *_args):
            pass

    with serving(Handler) as hub:
        yield hub


@contextmanager
def serving(handler):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Hub(f"http://127.0.0.1:{server.server_port}", SecretStr("hf_aTokenThatMustNeverShow0123456789"))
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "null",
        "[]",
        "{}",
        "7",
        '{"branches": [{"name": "main"}], "tags": []}',
        '{"branches": 1, "tags": 1}',
    ],
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda hub: hub.refs("acme/router"),
        lambda hub: hub.resolve("acme/router", "main"),
        lambda hub: hub.whoami(),
    ],
    ids=["refs", "resolve", "whoami"],
)
def test_an_answer_that_no_hub_gives(ask, body):
    with answering(200, body) as hub, pytest.raises(HubFailed, match="not a Hub's answer"):
        ask(hub)


@pytest.mark.parametrize("status", [400, 403, 409, 418, 429])
def test_a_server_that_shows_the_token_does_not_get_it_into_an_error(status):
    with answering(status, '{"error": "you sent TOKEN"}') as hub, pytest.raises(HubverError) as caught:
        hub.refs("acme/router")
    assert "you sent" in str(caught.value)
    assert "hf_" not in str(caught.value)


def test_a_busy_repository_is_no_refusal():
    with (
        answering(409, '{"error": "Another commit operation is in progress"}') as hub,
        pytest.raises(HubFailed) as caught,
    ):
        hub.commit("acme/router", [upload("a.json", b"{}")], title="one", description="", parent="0" * 40)
    assert caught.value.exit_code == 3


def test_a_repository_without_main_is_named():
    with pytest.raises(NotFound, match="has no branch 'main'"):
        Refs({"ledger": "0" * 40}, {}, {}).main  # noqa: B018  # asking is what raises


def test_a_file_without_end_is_not_read_to_its_end():
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the reader hangs up
                while len(sent) < 1000:
                    self.wfile.write(b" " * (1 << 20))
                    sent.append(1)

        def log_message(self, *_args):
            pass

    with serving(Handler) as hub, pytest.raises(HubFailed, match="larger than hubver reads"):
        hub.read("acme/router", "main", "hubver.json")
    assert len(sent) < 100
