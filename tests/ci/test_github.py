"""GitHub's API over a real connection: what is sent, what is asked again, and what is said of each failure."""

from __future__ import annotations

import logging

import pytest
from loopback_github import LoopbackGithub, Reply
from pydantic import SecretStr

from hubver.ci.github import CommitStatus, Deployment, Github
from hubver.errors import BadInput, BadToken, GithubFailed, NotFound
from hubver.hub.client import Hub

REPO = "acme/router-training"
ONE, TWO = "1" * 40, "2" * 40
STATUS = CommitStatus("failure", "hubver/gate acme/router", "d" * 200, "https://github.example.org/run")
DEPLOYMENT = Deployment(
    sha=ONE,
    environment="production",
    payload={"model": "acme/router", "sha": TWO, "version": "v1.0.0", "run": "https://github.example.org/run"},
    description="acme/router is back at v1.0.0",
    url="https://hub.example.org/acme/router/tree/v1.0.0",
    log_url=None,
    production=True,
)
LIMITED = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}


@pytest.fixture
def server():
    with LoopbackGithub() as server:
        server.commits = {ONE}
        yield server


@pytest.fixture
def waits():
    return []


@pytest.fixture
def github(server, waits):
    return Github(server.url, SecretStr("ghs_ours"), pause=waits.append)


def test_a_status_is_marked_on_the_first_commit_that_is_there(server, github):
    assert github.set_status(REPO, [TWO, ONE, TWO], STATUS) == ONE
    assert [asked.path.rsplit("/", 1)[1] for asked in server.asked] == [TWO, ONE]
    ((sha, body),) = server.statuses
    assert (sha, body) == (
        ONE,
        {
            "state": "failure",
            "context": "hubver/gate acme/router",
            "description": "d" * 139 + "…",
            "target_url": "https://github.example.org/run",
        },
    )


def test_what_every_request_carries(server, github):
    github.set_status(REPO, [ONE], STATUS)
    headers = server.asked[0].headers
    assert headers["authorization"] == "Bearer ghs_ours"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"].startswith("hubver/")


def test_each_token_goes_where_it_belongs(server, github, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_elsewhere")
    github.set_status(REPO, [ONE], STATUS)
    hub = Hub(server.url, SecretStr("hf_ours"))
    server.described = False
    with pytest.raises(BadInput):
        hub.refs("acme/router")  # as if both were at one address
    ours, *others = [asked.headers for asked in server.asked]
    assert ours["authorization"] == "Bearer ghs_ours"
    assert "hf_" not in str(ours)
    assert {headers["authorization"] for headers in others} == {"Bearer hf_ours"}
    assert "ghs_" not in str(others)


def test_no_commit_is_there(server, github):
    server.commits = set()
    with pytest.raises(GithubFailed, match="No commit found for SHA") as caught:
        github.set_status(REPO, [ONE], STATUS)
    assert (caught.value.exit_code, len(server.asked)) == (3, 1)


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504, 408])
def test_a_lost_answer_of_a_status_is_asked_for_again(server, github, waits, status):
    server.replies = [Reply(status, {"message": "oops"}, late=True)]
    assert github.set_status(REPO, [ONE], STATUS) == ONE
    assert (len(server.asked), waits) == (2, [2.0])


@pytest.mark.parametrize("status", [0, 503])
def test_an_answer_that_stays_lost(server, github, waits, status):
    server.replies = [Reply(status)] * 5
    with pytest.raises(GithubFailed) as caught:
        github.set_status(REPO, [ONE], STATUS)
    assert (len(server.asked), len(waits), caught.value.exit_code) == (3, 2, 3)


def test_nobody_listens(waits):
    with pytest.raises(GithubFailed, match="did not answer"):
        Github("http://127.0.0.1:9", SecretStr("ghs_ours"), pause=waits.append).dispatch(REPO, "e", {})
    assert waits == []


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(401, {"message": "Bad credentials"}), BadToken, "does not accept this token"),
        (Reply(403, {"message": "Resource not accessible by integration"}), BadToken, "not accessible by integration"),
        (Reply(404, {"message": "Not Found"}), NotFound, "acme/router-training is not on"),
        (Reply(422, {"message": "Validation\n Failed\x1b[31m"}), GithubFailed, "status 422: Validation Failed"),
        (Reply(400, b"<html>no JSON"), GithubFailed, "status 400"),
        (Reply(409, ["not", "an", "object"]), GithubFailed, "status 409"),
        (Reply(200, b"<html>no JSON"), GithubFailed, "not GitHub's"),
        (Reply(418, {"message": "the token ghp_" + "a" * 36 + " is bad"}), GithubFailed, "status 418: the token"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
def test_a_refusal_is_final_and_says_why(server, github, waits, reply, error, words):
    server.replies = [reply]
    with pytest.raises(error, match=words) as caught:
        github.set_status(REPO, [ONE], STATUS)
    assert (len(server.asked), waits) == (1, [])
    assert caught.value.hint
    assert not any(secret in f"{caught.value}{caught.value.hint}" for secret in ("ghs_ours", "ghp_"))


def test_without_a_token_nothing_is_sent(server):
    with pytest.raises(BadToken, match="no token") as caught:
        Github(server.url, None).dispatch(REPO, "hubver-candidate", {})
    assert "HUBVER_GITHUB_TOKEN" in caught.value.hint
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_takes_the_token_along(server, github, status):
    with LoopbackGithub() as elsewhere:
        server.replies = [Reply(status, {"message": "Moved"}, {"Location": f"{elsewhere.url}/repos/a/b/dispatches"})]
        with pytest.raises(GithubFailed, match=str(status)) as caught:
            github.dispatch(REPO, "hubver-candidate", {})
        assert elsewhere.asked == []
    assert "another name" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "headers", "waited"),
    [(429, {"retry-after": "7"}, 7.0), (403, {"retry-after": "1"}, 1.0), (429, {}, 60.0), (403, {}, 60.0)],
)
def test_a_limit_that_passes_soon_is_waited_for(server, github, waits, status, headers, waited):
    server.replies = [Reply(status, {"message": "You have exceeded a secondary rate limit."}, headers)]
    github.dispatch(REPO, "hubver-candidate", {"revision": "v1.0.0"})
    assert (waits, len(server.dispatched)) == ([waited], 1)


@pytest.mark.parametrize(
    ("status", "headers"), [(403, {"retry-after": "3600"}), (403, LIMITED), (429, LIMITED)], ids=range(3)
)
def test_a_limit_that_does_not_is_said(server, github, waits, status, headers):
    server.replies = [Reply(status, {"message": "API rate limit exceeded"}, headers)]
    with pytest.raises(GithubFailed, match="API rate limit exceeded"):
        github.dispatch(REPO, "hubver-candidate", {})
    assert (waits, len(server.asked)) == ([], 1)


def test_waits_add_up_to_a_minute_at_most(server, github, waits):
    server.replies = [Reply(429, {"message": "slow down"}, {"retry-after": "40"})] * 3
    with pytest.raises(GithubFailed, match="slow down"):
        github.dispatch(REPO, "hubver-candidate", {})
    assert waits == [40.0]


def test_a_dispatch(server, github):
    github.dispatch(REPO, "hubver-candidate", {"revision": "v1.0.0", "model": "acme/router"})
    assert server.dispatched == [
        {"event_type": "hubver-candidate", "client_payload": {"revision": "v1.0.0", "model": "acme/router"}}
    ]


@pytest.mark.parametrize("status", [0, 502])
def test_a_dispatch_whose_answer_was_lost_is_not_sent_again(server, github, status):
    server.replies = [Reply(status, late=True)]
    with pytest.raises(GithubFailed):
        github.dispatch(REPO, "hubver-candidate", {})
    assert len(server.dispatched) == 1


def test_a_deployment(server, github):
    number = github.deploy(REPO, DEPLOYMENT)
    (made,) = server.deployments
    assert (
        made.items()
        >= {
            "ref": ONE,
            "environment": "production",
            "required_contexts": [],
            "auto_merge": False,
            "payload": dict(DEPLOYMENT.payload),
            "production_environment": True,
        }.items()
    )
    assert server.deployment_statuses == [
        (
            number,
            {
                "state": "success",
                "environment": "production",
                "environment_url": DEPLOYMENT.url,
                "description": DEPLOYMENT.description,
                "auto_inactive": True,
            },
        )
    ]


@pytest.mark.parametrize("as_text", [False, True])
def test_a_deployment_that_is_recorded_is_not_recorded_again(server, github, as_text):
    import json

    first = github.deploy(REPO, DEPLOYMENT)
    if as_text:  # as GitHub gives a payload that was sent as text
        server.deployments[0]["payload"] = json.dumps(server.deployments[0]["payload"])
    assert github.deploy(REPO, DEPLOYMENT) == first
    assert len(server.deployments) == 1
    other = Deployment(**{**vars(DEPLOYMENT), "payload": {**DEPLOYMENT.payload, "run": "another"}})
    assert github.deploy(REPO, other) != first


@pytest.mark.parametrize("status", [0, 500])
def test_a_deployment_whose_answer_was_lost_is_looked_for(server, github, status):
    server.replies = [Reply(200, []), Reply(status, late=True)]
    number = github.deploy(REPO, DEPLOYMENT)
    assert [one["id"] for one in server.deployments] == [number]
    assert server.deployment_statuses[0][0] == number


def test_a_deployment_that_did_not_land(server, github):
    server.replies = [Reply(200, []), Reply(500)]
    with pytest.raises(GithubFailed, match="status 500"):
        github.deploy(REPO, DEPLOYMENT)
    assert server.deployment_statuses == []


def test_the_token_is_in_no_log(server, github, caplog):
    caplog.set_level(logging.DEBUG)
    github.dispatch(REPO, "hubver-candidate", {})
    assert "ghs_ours" not in caplog.text
