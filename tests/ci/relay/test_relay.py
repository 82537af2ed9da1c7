"""Webhooks of a real Hub reach a real relay, and GitHub hears of each candidate once."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest
from huggingface_hub import HfApi
from outputs import write_adapter
from relays import relaying
from webhook_events import OTHER, SECRET, SHA, body, discussed, updated

from hubver.ci.relay.webhook import MOST_BYTES
from hubver.publish import push

MODELS = [f"acme/{name}" for name in ("pushed", "forged", "replayed", "old", "stranger", "failing", "refused", "twice")]
PATH = "/repos/acme/router-ci/dispatches"


@pytest.fixture(scope="module")
def relay(hub, github):
    with relaying(hub, github, *MODELS) as running:
        yield running
        code, log = running.end()
    assert code == 0, log
    assert [secret for secret in (SECRET, "github_pat_", hub.token, "Traceback") if secret in log] == []


def event(repo_id, *refs):
    return body(updated(*refs, model=repo_id))


def dispatch_of(repo_id, sha, version, **more):
    return PATH, {"model": repo_id, "revision": sha, "version": version, **more}, 204


def test_a_pushed_candidate_is_dispatched_once(hub, relay, github, make_repo, tmp_path):
    repo = make_repo("acme/pushed")
    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo("acme/base")
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="acme/base")
    api.create_webhook(
        url=f"http://127.0.0.1:{relay.port}/webhook", watched=[{"type": "model", "name": repo.repo_id}], secret=SECRET
    )
    done = push(write_adapter(tmp_path / "out"), repo.repo_id, pr=True, settings=repo.settings)
    # The pull request's ref, the pull request, and the tag: each may be looked at before or after the tag is there.
    said = [relay.line(repo.repo_id) for _ in range(3)]
    assert sorted(line.split(": ")[0].split()[1] for line in said) == ["dispatched", "nothing", "nothing"], said
    expected = dispatch_of(repo.repo_id, done.sha, "v1.0.0-rc.1", pull_request=1, run_id=done.run_id)
    assert github.taken() == [expected]
    # What the gate and a promotion do brings events of its own, and none of them starts anything.
    api.comment_discussion(repo.repo_id, 1, comment="passed")
    relay.line("ignored: events of this kind")
    repo.judge(done.sha, baseline=None)
    relay.line("ignored: no open pull request and no version tag")
    api.create_tag(repo.repo_id, tag="v1.0.0", revision=done.sha)
    relay.line(repo.repo_id, "v1.0.0 at", "nothing to do")
    api.merge_pull_request(repo.repo_id, 1)
    relay.line("ignored: no open pull request and no version tag")
    assert github.taken() == []


def test_who_lacks_the_secret_starts_nothing(relay, github, make_repo):
    repo = make_repo("acme/forged")
    good = event(repo.repo_id, ("refs/tags/v1.0.0", repo.version("v1.0.0")))
    for headers in ({}, {"X-Webhook-Secret": SECRET[:-1]}, {"X-Webhook-Secret": ""}, {"Authorization": SECRET}):
        assert relay.post(good, headers) == (401, {"error": "X-Webhook-Secret is missing or wrong"})
    assert relay.post(b"x" * (MOST_BYTES + 1), {})[0] == 401
    assert relay.post(good, {}, path=f"/webhook?secret={SECRET}")[0] == 401
    relay.line("refused (401)")
    assert github.taken() == []
    assert relay.post(good)[0] == 202
    relay.line("dispatched", repo.repo_id)
    assert len(github.taken()) == 1


def test_an_event_that_comes_again_starts_nothing(relay, github, make_repo):
    repo = make_repo("acme/replayed")
    sha = repo.version("v1.0.0")
    first = event(repo.repo_id, ("refs/tags/v1.0.0", sha))
    assert relay.post(first) == (202, {"taken": [f"acme/replayed refs/tags/v1.0.0 at {sha[:8]}"]})
    relay.line("dispatched", repo.repo_id)
    assert github.taken() == [dispatch_of(repo.repo_id, sha, "v1.0.0")]
    assert relay.post(first) == (200, {"ignored": "it was dispatched before"})
    assert relay.post(first.replace(b"6390e855e30d9209411de93b", b"6390e855e30d9209411de93c"))[0] == 200
    # The same commit by another name is the same candidate.
    HfApi(endpoint=repo.hub.endpoint, token=repo.hub.token.get_secret_value()).create_tag(
        repo.repo_id, tag="v1.0.1", revision=sha
    )
    assert relay.post(event(repo.repo_id, ("refs/tags/v1.0.1", sha)))[0] == 202
    assert "was dispatched before" in relay.line("refs/tags/v1.0.1")
    assert github.taken() == []


def test_what_an_old_event_says_is_held_against_the_hub(relay, github, make_repo):
    repo = make_repo("acme/old")
    sha = repo.version("v1.0.0")
    old = {
        "moved": ("refs/tags/v1.0.0", OTHER),
        "tag is gone": ("refs/tags/v0.9.0", SHA),
        "pull request is gone": ("refs/pr/4", SHA),
        "number of an issue": ("refs/pr/1", None),
    }
    for ref, at in old.values():
        sent = (
            event(repo.repo_id, (ref, at))
            if at
            else body({**discussed(num=1), "repo": updated(model=repo.repo_id)["repo"]})
        )
        assert relay.post(sent)[0] == 202
        assert "it is elsewhere now" in relay.line(repo.repo_id, ref)
    repo.judge(sha, "fail", baseline=None)
    assert relay.post(event(repo.repo_id, ("refs/tags/v1.0.0", sha)))[0] == 202
    assert "it has its verdict" in relay.line(repo.repo_id, "refs/tags/v1.0.0")
    assert github.taken() == []


def test_a_pull_request_that_nobody_published_starts_nothing(relay, github, make_repo):
    repo = make_repo("acme/stranger")
    sha = repo.commit("weights from elsewhere", pull_request=True)
    assert relay.post(event(repo.repo_id, ("refs/pr/1", sha)))[0] == 202
    assert "it does not wait" in relay.line(repo.repo_id, "refs/pr/1")
    assert github.taken() == []


def test_what_is_not_watched_starts_nothing(relay, github):
    for sent in (
        event("acme/other", ("refs/pr/1", SHA)),
        body(updated(("refs/pr/1", SHA), model=MODELS[0], kind="dataset")),
    ):
        assert relay.post(sent) == (200, {"ignored": "it is about another repository"})
    assert github.taken() == []


def test_what_github_could_not_take_is_sent_again(relay, github, make_repo):
    repo = make_repo("acme/failing")
    sha = repo.version("v1.0.0")
    github.statuses = [503, 500]
    assert relay.post(event(repo.repo_id, ("refs/tags/v1.0.0", sha)))[0] == 202
    assert "status 503" in relay.line("waits", repo.repo_id)
    assert "status 500" in relay.line("waits", repo.repo_id)
    relay.line("dispatched", repo.repo_id)
    assert [status for _, _, status in github.taken()] == [503, 500, 204]


def test_what_github_refuses_is_given_up_and_may_come_again(relay, github, make_repo):
    repo = make_repo("acme/refused")
    sent = event(repo.repo_id, ("refs/tags/v1.0.0", repo.version("v1.0.0")))
    before = relay.post(b"", {}, "/healthz", "GET")[1]["failed"]
    github.statuses = [401]
    assert relay.post(sent)[0] == 202
    assert "does not accept this token" in relay.line("failed", repo.repo_id)
    assert relay.post(b"", {}, "/healthz", "GET")[1]["failed"] == before + 1
    assert relay.post(sent)[0] == 202
    relay.line("dispatched", repo.repo_id)
    assert [status for _, _, status in github.taken()] == [401, 204]


def test_the_same_event_many_times_at_once_is_dispatched_once(relay, github, make_repo):
    repo = make_repo("acme/twice")
    sent = event(repo.repo_id, ("refs/tags/v1.0.0", repo.version("v1.0.0")))
    github.open.clear()
    start, answers = threading.Barrier(8), []

    def post():
        start.wait()
        answers.append(relay.post(sent)[0])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    github.open.set()
    relay.line("dispatched", repo.repo_id)
    assert sorted(answers) == [200] * 7 + [202]
    assert len(github.taken()) == 1


def test_no_body_and_no_path_makes_it_stumble(relay, github):
    def chunks(size):
        for _ in range(size // 65_536):
            yield b" " * 65_536

    assert relay.post(b" " * (MOST_BYTES + 1))[0] == 413
    assert relay.post(chunks(2 * MOST_BYTES))[0] == 413
    assert relay.post(b"[" * 500_000)[0] == 400
    assert relay.post(b"")[0] == 400
    assert relay.post(b"", method="GET")[0] == 405
    assert relay.post(b"", path="/elsewhere")[0] == 404
    with socket.create_connection(("127.0.0.1", relay.port)) as cut:
        cut.sendall(
            f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Webhook-Secret: {SECRET}\r\nContent-Length: 9\r\n\r\n{{".encode()
        )
    relay.line("refused (400)", "cut short")
    status, said = relay.post(b"", {}, "/", "GET")
    assert (status, said.count("\n"), "hubver relay" in said) == (200, 1, True)
    status, health = relay.post(b"", {}, "/healthz", "GET")
    assert (status, health["waiting"]) == (200, 0)
    assert github.taken() == []


def test_it_finishes_what_it_has_taken_before_it_ends_and_remembers_nothing_after(hub, github, make_repo):
    names = ["acme/last", "acme/later", "acme/latest"]
    shas = {name: make_repo(name).version("v1.0.0") for name in names}
    events = {name: event(name, ("refs/tags/v1.0.0", sha)) for name, sha in shas.items()}
    github.statuses = [503]
    with relaying(hub, github, *names) as relay:
        relay.post(events["acme/last"])
        relay.line("waits", "acme/last")
        github.open.clear()
        for name in names[1:]:
            assert relay.post(events[name])[0] == 202
        relay.process.terminate()
        relay.line("ending")
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            relay.post(events["acme/latest"])
        github.open.set()
        code, log = relay.end()
    assert code == 0, log
    done = [(sent["model"], status) for _, sent, status in github.taken()]
    assert sorted(done) == [("acme/last", 204), ("acme/last", 503), ("acme/later", 204), ("acme/latest", 204)]
    make_repo("acme/last").judge(shas["acme/last"], baseline=None)
    with relaying(hub, github, *names) as relay:
        assert relay.post(events["acme/last"])[0] == 202
        assert "it has its verdict" in relay.line("acme/last")
        assert github.taken() == []
        # So many a minute, and no more: each makes it ask the Hub.
        answers = [relay.post(event("acme/later", (f"refs/pr/{number}", SHA)))[0] for number in range(1, 70)]
        assert sorted(set(answers)) == [202, 429]
        assert answers.count(202) == 59
        assert relay.end()[0] == 0
