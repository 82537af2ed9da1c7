"""Webhooks, told to a real receiver on a port."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, WebhookPayload, get_session
from huggingface_hub.errors import HfHubHTTPError

from hubver.localhub import LocalHub, Switches


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it, and answers with the next of `statuses`, or 200."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?x=1"
        self.received = queue.Queue()
        self.statuses = []

    def next(self):
        """The next event: its headers and its payload, which is also what the client's own class reads."""
        path, headers, payload = self.received.get(timeout=60)
        assert path == "/hook?x=1"
        WebhookPayload.model_validate(payload)
        return headers, payload

    def event(self, scope):
        """The next event of a scope; those before it are passed over."""
        while (payload := self.next()[1])["event"]["scope"] != scope:
            pass
        return payload


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.received.put((self.path, self.headers, json.loads(body)))
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def watch(api, receiver):
    def set_up(**more):
        return api.create_webhook(**{"url": receiver.url, "watched": [{"type": "user", "name": "acme"}], **more})

    return set_up


def commit(api, repo, path="a", **more):
    return api.create_commit(repo, [CommitOperationAdd(path, b"x")], commit_message="Change", **more)


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


def test_webhooks_are_made_changed_and_deleted(hub, api, receiver, watch):
    made = watch(secret="s3", domains=["repo"])
    assert (made.url, made.secret, made.domains, made.disabled) == (receiver.url, "s3", ["repo"], False)
    assert [item.name for item in made.watched] == ["acme"]
    assert api.get_webhook(made.id) == made
    changed = api.update_webhook(made.id, domains=["discussion"])
    assert (changed.domains, changed.url, changed.secret) == (["discussion"], receiver.url, "s3")
    assert api.disable_webhook(made.id).disabled
    assert api.list_webhooks() == [api.get_webhook(made.id)]
    assert not api.enable_webhook(made.id).disabled
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    assert rival.list_webhooks() == []
    assert status_of(rival.get_webhook, made.id) == status_of(rival.delete_webhook, made.id) == 404
    api.delete_webhook(made.id)
    assert api.list_webhooks() == []


@pytest.mark.parametrize(
    "body",
    [
        {"url": "file:///etc/passwd"},
        {"url": "http://"},
        {"watched": []},
        {"watched": [{"type": "planet", "name": "acme"}]},
        {"domains": ["money"]},
        {"secret": "a\r\nX-Other: b"},
    ],
)
def test_bad_webhooks_are_refused(hub, api, receiver, body):
    good = {"url": receiver.url, "watched": [{"type": "user", "name": "acme"}], "domains": ["repo"]}
    headers = {"Authorization": f"Bearer {hub.token}"}
    answer = get_session().post(f"{hub.url}/api/settings/webhooks", json={**good, **body}, headers=headers)
    assert answer.status_code == 400
    assert api.list_webhooks() == []


def test_commit_is_told_with_its_secret(hub, api, repo, receiver, watch):
    hook = watch(secret="open sesame")
    before = api.model_info(repo).sha
    after = commit(api, repo).oid
    headers, payload = receiver.next()
    assert headers["X-Webhook-Secret"] == "open sesame"
    assert payload["event"] == {"action": "update", "scope": "repo.content"}
    assert payload["updatedRefs"] == [{"ref": "refs/heads/main", "oldSha": before, "newSha": after}]
    about = payload["repo"]
    assert (about["type"], about["name"], about["headSha"], about["private"]) == ("model", repo, after, False)
    assert about["url"] == {"web": f"{hub.url}/{repo}", "api": f"{hub.url}/api/models/{repo}"}
    assert payload["webhook"] == {"id": hook.id, "version": 3}


def test_branches_and_tags_are_told(api, repo, receiver, watch):
    watch()
    sha = api.model_info(repo).sha
    api.create_branch(repo, branch="b")
    api.create_tag(repo, tag="v1")
    api.delete_branch(repo, branch="b")
    told = [receiver.next()[1]["updatedRefs"] for _ in range(3)]
    assert told == [
        [{"ref": "refs/heads/b", "oldSha": None, "newSha": sha}],
        [{"ref": "refs/tags/v1", "oldSha": None, "newSha": sha}],
        [{"ref": "refs/heads/b", "oldSha": sha, "newSha": None}],
    ]


def test_atomic_push_is_one_event(api, git, repo, clone, receiver, watch):
    watch()
    pushed = git.commit(clone, "a", b"a")
    git("push", "-q", "--atomic", "origin", "main", "HEAD:refs/heads/production", "HEAD:refs/tags/v1", cwd=clone)
    updated = receiver.next()[1]["updatedRefs"]
    assert {(item["ref"], item["newSha"]) for item in updated} == {
        ("refs/heads/main", pushed),
        ("refs/heads/production", pushed),
        ("refs/tags/v1", pushed),
    }
    assert git.run("push", "origin", ":main", cwd=clone).returncode != 0
    git("push", "-q", "origin", ":v1", cwd=clone)
    assert [item["ref"] for item in receiver.next()[1]["updatedRefs"]] == ["refs/tags/v1"]


def test_pull_request_is_told_from_opening_to_merge(hub, api, repo, receiver, watch):
    watch()
    number = commit(api, repo, create_pr=True, commit_description="because").pr_num
    assert receiver.next()[1]["updatedRefs"][0]["ref"] == "refs/pr/1"
    opened = receiver.next()[1]
    assert opened["event"] == {"action": "create", "scope": "discussion"}
    about = opened["discussion"]
    assert (about["num"], about["title"], about["status"], about["isPullRequest"]) == (1, "Change", "open", True)
    assert about["changes"] == {"base": "refs/heads/main"}
    assert about["url"]["web"] == f"{hub.url}/{repo}/discussions/1"
    assert opened["comment"]["content"] == "because"
    api.merge_pull_request(repo, number, comment="good")
    assert receiver.next()[1]["updatedRefs"][0]["ref"] == "refs/heads/main"
    said = receiver.next()[1]
    assert (said["event"], said["comment"]["content"]) == (
        {"action": "create", "scope": "discussion.comment"},
        "good",
    )
    merged = receiver.next()[1]
    assert merged["event"] == {"action": "update", "scope": "discussion"}
    assert merged["discussion"]["status"] == "merged"
    assert merged["discussion"]["changes"]["mergeCommitId"] == api.model_info(repo).sha


def test_comments_are_told(api, repo, receiver, watch):
    api.create_discussion(repo, title="Question")
    watch(domains=["discussion"])
    comment = api.comment_discussion(repo, 1, "first")
    api.edit_discussion_comment(repo, 1, comment.id, "second")
    with pytest.warns(UserWarning, match="irreversible"):
        api.hide_discussion_comment(repo, 1, comment.id)
    api.rename_discussion(repo, 1, "Answer")
    told = [receiver.next()[1] for _ in range(4)]
    assert [t["event"]["action"] for t in told] == ["create", "update", "update", "update"]
    assert [t["comment"].get("content") for t in told[:3]] == ["first", "second", None]
    assert [t["comment"]["hidden"] for t in told[:3]] == [False, False, True]
    assert (told[3]["event"]["scope"], told[3]["discussion"]["title"]) == ("discussion", "Answer")


def test_repos_are_told_from_beginning_to_end(api, receiver, watch):
    watch()
    api.create_repo("acme/new", repo_type="dataset")
    api.update_repo_settings("acme/new", private=True, repo_type="dataset")
    api.move_repo("acme/new", "acme/newer", repo_type="dataset")
    api.delete_repo("acme/newer", repo_type="dataset")
    told = [receiver.next()[1] for _ in range(4)]
    assert [(t["event"]["scope"], t["event"]["action"]) for t in told] == [
        ("repo", "create"),
        ("repo.config", "update"),
        ("repo", "move"),
        ("repo", "delete"),
    ]
    assert told[1]["updatedConfig"] == {"private": True}
    assert told[2]["movedTo"] == {"name": "acme/newer", "owner": {"id": "acme"}}
    assert {t["repo"]["type"] for t in told} == {"dataset"}


def test_only_what_is_watched_and_may_be_seen_is_told(hub, api, receiver, watch):
    api.create_repo("acme/a")
    api.create_repo("acme/secret", private=True)
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    rival.create_webhook(url=receiver.url, watched=[{"type": "user", "name": "acme"}], secret="rival")
    watch(watched=[{"type": "dataset", "name": "acme/a"}], secret="wrong kind")
    api.disable_webhook(watch(secret="disabled").id)
    watch(domains=["discussion"], secret="discussions")
    commit(api, "acme/secret")
    commit(api, "acme/a")
    headers, payload = receiver.next()
    assert (headers["X-Webhook-Secret"], payload["repo"]["name"]) == ("rival", "acme/a")
    api.create_discussion("acme/secret", title="Last")
    headers, payload = receiver.next()
    assert (headers["X-Webhook-Secret"], payload["discussion"]["title"]) == ("discussions", "Last")


@pytest.mark.parametrize("failure", [500, 302, 404, None])
def test_delivery_is_tried_again(api, repo, receiver, watch, failure):
    watch()
    receiver.statuses += [failure, failure]
    sha = commit(api, repo).oid
    told = [receiver.next()[1] for _ in range(3)] if failure != 302 else [receiver.next()[1]]
    assert {t["updatedRefs"][0]["newSha"] for t in told} == {sha}


def test_delivery_is_given_up(tmp_path, receiver):
    with LocalHub(tmp_path, switches=Switches(webhook_tries=2)) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/x")
        api.create_webhook(url=receiver.url, watched=[{"type": "user", "name": "acme"}])
        receiver.statuses += [500, 500, 200]
        first, second = commit(api, "acme/x").oid, None
        assert [receiver.next()[1]["updatedRefs"][0]["newSha"] for _ in range(2)] == [first, first]
        second = commit(api, "acme/x", "b").oid
        assert receiver.next()[1]["updatedRefs"][0]["newSha"] == second


def test_receiver_that_is_not_there_stops_nobody(api, repo):
    api.create_webhook(url="http://127.0.0.1:9/", watched=[{"type": "model", "name": repo}])
    assert commit(api, repo).oid == api.model_info(repo).sha


def test_branches_over_http_may_be_silent(tmp_path, receiver):
    with LocalHub(tmp_path, switches=Switches(webhooks_on_branch_api=False)) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/x")
        api.create_webhook(url=receiver.url, watched=[{"type": "user", "name": "acme"}])
        api.create_branch("acme/x", branch="b")
        api.delete_branch("acme/x", branch="b")
        api.create_tag("acme/x", tag="v1")
        assert receiver.next()[1]["updatedRefs"][0]["ref"] == "refs/tags/v1"


def test_webhooks_are_remembered(tmp_path, receiver):
    made = []
    for _ in range(2):
        with LocalHub(tmp_path) as hub:
            api = HfApi(endpoint=hub.url, token=hub.token)
            if not made:
                made = [api.create_webhook(url=receiver.url, watched=[{"type": "user", "name": "acme"}])]
            assert api.list_webhooks() == made


def read_to_the_end(connection):
    while connection.recv(2**16):
        pass


def test_slow_receiver_keeps_only_itself_waiting(tmp_path, receiver):
    with socket.create_server(("127.0.0.1", 0)) as silent, LocalHub(tmp_path) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/x")
        watched = [{"type": "user", "name": "acme"}]
        api.create_webhook(url=f"http://127.0.0.1:{silent.getsockname()[1]}/", watched=watched)
        api.create_webhook(url=receiver.url, watched=watched)
        sha = commit(api, "acme/x").oid
        with silent.accept()[0] as held:
            assert receiver.next()[1]["updatedRefs"][0]["newSha"] == sha
            # The other is still waited for: its connection has what it was sent, and no end.
            held.settimeout(0)
            with pytest.raises(BlockingIOError):
                read_to_the_end(held)


def test_triggers_are_limited_by_the_day(tmp_path, receiver):
    ahead = [0]
    switches = Switches(webhook_triggers_per_day=2)
    with LocalHub(tmp_path, switches=switches, clock=lambda: time.time() + ahead[0]) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/x")
        api.create_webhook(url=receiver.url, watched=[{"type": "user", "name": "acme"}])
        told = [commit(api, "acme/x", path).oid for path in "abc"][:2]
        ahead[0] = 24 * 3600 + 60
        told.append(commit(api, "acme/x", "d").oid)
        assert [receiver.next()[1]["updatedRefs"][0]["newSha"] for _ in told] == told


def test_a_thousand_triggers_a_day_unless_told_otherwise():
    assert Switches().webhook_triggers_per_day == 1000


def test_head_is_told_only_of_repos_and_settings_only_of_privacy(api, repo, receiver, watch):
    watch()
    api.update_repo_settings(repo, gated="manual")
    api.create_discussion(repo, title="Question")
    settings, discussion = receiver.next()[1], receiver.next()[1]
    assert settings["updatedConfig"] == {}
    assert settings["repo"]["headSha"] == api.model_info(repo).sha
    assert "headSha" not in discussion["repo"]
