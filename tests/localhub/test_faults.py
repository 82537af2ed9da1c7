from __future__ import annotations

import json
import threading

import httpx2 as httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import parse_ratelimit_headers

from hubver.errors import BadInput
from hubver.localhub import Answer, Delay, Drop, Faults, LocalHub, Stale, Truncate

COMMIT = "/api/models/*/commit/*"


def commit(api, repo, path="a"):
    return api.create_commit(repo, [CommitOperationAdd(path, b"x")], commit_message=path).oid


def titles(api, repo):
    return [c.title for c in api.list_repo_commits(repo)]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_errors_come_as_often_as_asked(hub, api, repo, status):
    hub.faults.add("POST", COMMIT, Answer(status), times=2)
    for left in (1, 0):
        with pytest.raises(HfHubHTTPError) as failed:
            commit(api, repo)
        assert failed.value.response.status_code == status
        assert failed.value.response.json()["error"]
        assert failed.value.response.headers["X-Request-Id"]
        assert hub.faults.pending == left
    assert titles(api, repo) == ["initial commit"]
    commit(api, repo)
    assert titles(api, repo) == ["a", "initial commit"]


def test_rate_limit_says_when_it_ends(hub):
    hub.faults.add("GET", "/api/models", Answer(429, reset=55))
    limit = parse_ratelimit_headers(get_session().get(f"{hub.url}/api/models").headers)
    assert (limit.remaining, limit.reset_in_seconds, limit.limit, limit.window_seconds) == (0, 55, 1000, 300)


def test_error_after_the_effect_hides_a_commit_that_landed(hub, api, repo):
    hub.faults.add("POST", COMMIT, Answer(500, "after"))
    with pytest.raises(HfHubHTTPError):
        commit(api, repo)
    assert titles(api, repo) == ["a", "initial commit"]


@pytest.mark.parametrize(("when", "landed"), [("before", []), ("after", ["a"])])
def test_connection_is_closed_without_an_answer(hub, api, repo, when, landed):
    hub.faults.add("POST", COMMIT, Drop(when))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        commit(api, repo)
    assert titles(api, repo) == [*landed, "initial commit"]


def test_push_that_lost_its_answer_has_moved_the_ref(hub, api, git, repo, clone):
    pushed = git.commit(clone, "a", b"a")
    hub.faults.add("POST", f"/{repo}/git-receive-pack", Drop("after"))
    assert git.run("push", "origin", "main", cwd=clone).returncode != 0
    assert api.model_info(repo).sha == pushed


def read(url, size, into):
    with get_session().stream("GET", url) as answer:
        assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, size)
        for piece in answer.iter_bytes():
            into += piece


@pytest.mark.parametrize("name", ["small.txt", "large.bin"])
def test_body_is_cut_short(hub, api, repo, name):
    content = b"0123456789" * 300_000
    content = content if name.endswith("bin") else content[:100]
    api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo)
    url = f"{hub.url}/{repo}/resolve/main/{name}"
    hub.faults.add("GET", f"/{repo}/resolve/*", Truncate(42))
    received = bytearray()
    with pytest.raises(httpx.RemoteProtocolError):
        read(url, len(content), received)
    assert received == content[:42]
    assert get_session().get(url).content == content


def test_delayed_request_is_overtaken(hub):
    hub.faults.add("GET", "/api/datasets", Delay(1))
    order = []

    def ask(kind):
        get_session().get(f"{hub.url}/api/{kind}")
        order.append(kind)

    slow = threading.Thread(target=ask, args=("datasets",))
    slow.start()
    while hub.faults.pending:
        pass
    ask("models")
    slow.join()
    assert order == ["models", "datasets"]


def test_ref_lags_for_readers_only(hub, api, repo):
    first = api.model_info(repo).sha
    api.create_branch(repo, branch="production")
    second = commit(api, repo)
    api.create_branch(repo, branch="new")
    stale = Stale({"refs/heads/main": first, "refs/heads/new": None, "refs/heads/gone": first})
    hub.faults.add("GET", f"/api/models/{repo}*", stale, times=3)
    hub.faults.add("POST", COMMIT, stale)
    assert api.model_info(repo).sha == first
    branches = {b.name: b.target_commit for b in api.list_repo_refs(repo).branches}
    assert branches == {"main": first, "gone": first, "production": first}
    assert titles(api, repo) == ["initial commit"]
    assert api.model_info(repo).sha == second
    third = api.create_commit(repo, [CommitOperationAdd("b", b"x")], commit_message="b", parent_commit=second).oid
    assert hub.faults.pending == 0
    assert api.model_info(repo).sha == third


def test_rules_go_by_method_and_path_as_sent(hub, repo):
    def status(method, path):
        return get_session().request(method, hub.url + path).status_code

    hub.faults.add("head", f"/{repo}/resolve/*", Answer(503), times=None)
    hub.faults.add("*", "/api/models/*/revision/refs%2Fpr%2F?", Answer(502), times=None)
    hub.faults.add("*", "/api/*", Answer(500), times=1)
    assert status("HEAD", f"/{repo}/resolve/main/.gitattributes") == 503
    assert status("GET", f"/{repo}/resolve/main/.gitattributes") == 200
    assert status("GET", f"/api/models/{repo}/revision/refs%2Fpr%2F1?blobs=1") == 502
    assert [status("GET", "/api/models") for _ in range(2)] == [500, 200]
    assert hub.faults.pending == 0
    hub.faults.clear()
    assert status("HEAD", f"/{repo}/resolve/main/.gitattributes") == 200


def test_faults_are_there_from_the_start(tmp_path):
    faults = Faults()
    faults.add("*", "*", Answer(503))
    with LocalHub(tmp_path, faults=faults) as hub:
        assert hub.faults is faults
        with pytest.raises(HfHubHTTPError):
            HfApi(endpoint=hub.url, token=hub.token).whoami()
        assert HfApi(endpoint=hub.url, token=hub.token).whoami()["name"] == "acme"


@pytest.mark.parametrize("status", [200, 399, 600, -1])
def test_a_fault_is_an_error(status):
    with pytest.raises(BadInput, match="error"):
        Answer(status)


def test_client_that_retries_gets_through(hub, api, repo):
    """Listing goes on by itself after a rate limit; the client waits a second beyond what it is told."""
    hub.faults.add("GET", "/api/models/*/tree/*", Answer(429), times=1)
    assert [f.path for f in api.list_repo_tree(repo)] == [".gitattributes"]
    assert json.loads(get_session().get(f"{hub.url}/api/models").text)[0]["id"] == repo
