"""GitHub's API on a port: what it asks of requests and tokens, and what it does."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from tools import needs
from workflows.conftest import file
from workflows.github_api import GithubApi
from workflows.github_endpoints import ENDPOINTS
from workflows.openapi import Description

REPO = "/repos/acme/router"
WORKFLOW = """
on: {repository_dispatch: {types: [hubver-candidate]}}
permissions: {}
jobs:
  job: {runs-on: ubuntu-latest, steps: [{run: 'echo "${{ github.event.client_payload.revision }} by ${{ github.actor }}"'}]}
"""
BY_HAND = file(
    "job: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ inputs.revision }}'}]}",
    dispatch="{inputs: {revision: {type: string, required: true}}}",
)


class Client:
    """Sends requests with a token; answers a status and a body."""

    def __init__(self, api, token):
        self.api = api
        self.headers = {"User-Agent": "test", "Authorization": f"Bearer {token}"}

    def __call__(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(urlsplit(self.api.url).netloc, timeout=30)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body)
        try:
            connection.request(method, path, content, {**self.headers, **headers})
            answer = connection.getresponse()
            text = answer.read()
            self.headers_seen = answer.headers
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


@pytest.fixture
def repository(forge):
    files = {".github/workflows/flow.yml": WORKFLOW, ".github/workflows/by-hand.yml": BY_HAND}
    return forge.repository("acme/router", files)


@pytest.fixture
def sha(repository):
    return repository.find("main")


@pytest.fixture
def client(forge, github, repository):
    levels = dict.fromkeys(["contents", "actions", "statuses", "deployments", "checks"], "write")
    return Client(github, forge.tokens.for_person("acme/router", "lea", issues="write", **levels))


@pytest.fixture
def strict(forge, repository):
    """The API and a client for requests that are wrong."""
    with GithubApi(forge) as api:
        levels = dict.fromkeys(["contents", "statuses", "deployments", "checks", "issues"], "write")
        yield Client(api, forge.tokens.for_person("acme/router", "lea", **levels))


def test_every_endpoint_is_described_and_carried_out():
    paths = Description()._paths
    assert {f"{method} {path}" for path, methods in paths.items() for method in methods} == set(ENDPOINTS)


def test_a_dispatch_starts_the_workflows_that_wait_for_it(client, forge, github):
    body = {"event_type": "hubver-candidate", "client_payload": {"revision": "v1.2.0"}}
    assert client("POST", f"{REPO}/dispatches", body) == (204, None)
    assert client("POST", f"{REPO}/dispatches", {"event_type": "something-else"}) == (204, None)
    [run] = forge.runs
    assert "\nv1.2.0 by lea\n" in run.wait().jobs["job"].log
    first = github.asked("POST", "/dispatches")[0]
    assert (first.body, first.status) == (body, 204)


def test_a_workflow_is_started_by_hand(client, forge):
    path = f"{REPO}/actions/workflows/by-hand.yml/dispatches"
    assert client("POST", path, {"ref": "main", "inputs": {"revision": "v1"}}) == (204, None)
    status, answer = client("POST", path, {"ref": "main", "inputs": {"revision": "v2"}, "return_run_details": True})
    assert (status, answer["workflow_run_id"]) == (200, forge.runs[1].number)
    assert "\nv2\n" in forge.runs[1].wait().jobs["job"].log
    refusals = {
        "none.yml": 404,
        "flow.yml": 422,
        "by-hand.yml": 422,  # its input is missing
    }
    for name, expected in refusals.items():
        assert client("POST", f"{REPO}/actions/workflows/{name}/dispatches", {"ref": "main"})[0] == expected


def test_statuses(client, github, sha):
    given = {"state": "success", "context": "hubver/production", "description": "v1.2.0 passes", "target_url": None}
    status, made = client("POST", f"{REPO}/statuses/{sha}", given)
    assert (status, made["creator"]["login"], made["description"]) == (201, "lea", "v1.2.0 passes")
    client("POST", f"{REPO}/statuses/{sha}", {**given, "state": "failure"})
    states = [item["state"] for item in client("GET", f"{REPO}/commits/main/statuses?per_page=2")[1]]
    assert states == ["failure", "success"]
    assert [of for of, _ in github.kept.statuses] == [("acme/router", sha)] * 2


def test_deployments(client, sha):
    asked = {"ref": sha, "environment": "production", "auto_merge": False, "required_contexts": [], "payload": {"a": 1}}
    status, made = client("POST", f"{REPO}/deployments", asked)
    assert (status, made["sha"], made["payload"]) == (201, sha, {"a": 1})
    path = f"{REPO}/deployments/{made['id']}/statuses"
    assert client("POST", path, {"state": "success", "environment_url": "http://127.0.0.1/x"})[0] == 201
    assert [item["state"] for item in client("GET", path)[1]] == ["success"]
    assert client("GET", f"{REPO}/deployments?environment=staging") == (200, [])
    assert [item["id"] for item in client("GET", f"{REPO}/deployments?environment=production")[1]] == [made["id"]]
    assert client("POST", f"{REPO}/deployments/99/statuses", {"state": "success"})[0] == 404


# https://docs.github.com/en/rest/deployments/deployments#create-a-deployment: what happens by default may surprise.
def test_a_deployment_checks_statuses_and_merges_unless_told_not_to(client, repository, sha):
    repository.commit({"new": "file"})
    assert client("POST", f"{REPO}/deployments", {"ref": sha})[0] == 202
    client("POST", f"{REPO}/statuses/{sha}", {"state": "failure"})
    status, answer = client("POST", f"{REPO}/deployments", {"ref": sha, "auto_merge": False})
    assert (status, answer["message"]) == (409, f"Conflict: Commit status checks failed for {sha}.")
    assert client("POST", f"{REPO}/deployments", {"ref": sha, "auto_merge": False, "required_contexts": []})[0] == 201


def test_comments(client, forge, repository):
    repository.commit({"a": "b"}, "change", start="main")
    forge.pull_request(repository, "change")
    status, made = client("POST", f"{REPO}/issues/1/comments", {"body": "first"})
    assert status == 201
    assert client("PATCH", f"{REPO}/issues/comments/{made['id']}", {"body": "second"})[0] == 200
    assert [item["body"] for item in client("GET", f"{REPO}/issues/1/comments")[1]] == ["second"]
    assert client("POST", f"{REPO}/issues/2/comments", {"body": "no such issue"})[0] == 404


def test_check_runs(client, sha):
    status, made = client("POST", f"{REPO}/check-runs", {"name": "gate", "head_sha": sha, "status": "in_progress"})
    assert (status, made["status"], made["conclusion"]) == (201, "in_progress", None)
    output = {"title": "Passed", "summary": "All of it"}
    ended = {"status": "completed", "conclusion": "success", "output": output}
    status, made = client("PATCH", f"{REPO}/check-runs/{made['id']}", ended)
    assert (status, made["conclusion"], made["output"]["title"]) == (200, "success", "Passed")


SHA = "a" * 40
WRONG = {
    "no type": ("POST", "/dispatches", {}, "event_type"),
    "a long type": ("POST", "/dispatches", {"event_type": "x" * 101}, "too long"),
    "eleven keys": (
        "POST",
        "/dispatches",
        {"event_type": "x", "client_payload": dict.fromkeys("abcdefghijk")},
        "too many",
    ),
    "a state that is none": ("POST", f"/statuses/{SHA}", {"state": "passed"}, "passed"),
    "a key that is misspelt": ("POST", f"/statuses/{SHA}", {"state": "success", "descripton": "x"}, "descripton"),
    "a number for a text": ("POST", "/deployments", {"ref": 1}, "not of type 'string'"),
    "an id that is none": ("POST", "/deployments/x/statuses", {"state": "success"}, "not of type 'integer'"),
    "a comment without text": ("POST", "/issues/1/comments", {"text": "x"}, "body"),
    "no JSON": ("POST", "/dispatches", b"{", "JSON"),
    "a parameter that is none": ("GET", "/deployments?env=production", None, "env"),
    "a body where none is": ("GET", "/deployments", {}, "body"),
}


@pytest.mark.parametrize("case", WRONG)
def test_requests_are_held_to_the_description(strict, case):
    method, path, body, reason = WRONG[case]
    status, answer = strict(method, REPO + path, body)
    assert status == 422
    assert reason in str(answer["errors"])
    assert len(strict.api.invalid) == 1


def test_an_endpoint_that_is_none(strict):
    assert strict("PUT", f"{REPO}/dispatches", {})[0] == 404
    assert strict.api.invalid


LIMITS = {
    "a status of no commit": ("statuses/" + SHA, {"state": "success"}, "No commit found"),
    "a long description": ("statuses/{sha}", {"state": "success", "description": "x" * 141}, "too long"),
    "a deployment of no ref": ("deployments", {"ref": "none"}, "No ref found"),
    "a large payload": ("dispatches", {"event_type": "x", "client_payload": {"a": "x" * 65536}}, "too large"),
    "no conclusion": ("check-runs", {"name": "x", "head_sha": "{sha}", "status": "completed"}, "conclusion"),
    "a check of no commit": ("check-runs", {"name": "x", "head_sha": SHA}, "No commit found"),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limits_beyond_the_description(client, sha, case):
    path, body, reason = LIMITS[case]
    body = {name: sha if value == "{sha}" else value for name, value in body.items()}
    status, answer = client("POST", f"{REPO}/{path.format(sha=sha)}", body)
    assert status == 422
    assert reason in str(answer)


# https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
def test_a_token_does_what_its_permissions_say(forge, github, repository, sha):
    job = forge.tokens.for_job("acme/router", {"statuses": "write", "contents": "read"})
    client = Client(github, job)
    assert client("POST", f"{REPO}/statuses/{sha}", {"state": "success"})[0] == 201
    status, answer = client("POST", f"{REPO}/dispatches", {"event_type": "x"})
    assert (status, answer["message"]) == (403, "Resource not accessible by integration")
    assert client("POST", "/repos/acme/other/dispatches", {"event_type": "x"})[0] == 404
    forge.tokens.revoke(job)
    assert client("POST", f"{REPO}/statuses/{sha}", {"state": "success"})[0] == 401
    person = Client(github, forge.tokens.for_person("acme/router", "lea", contents="read"))
    status, answer = person("POST", f"{REPO}/dispatches", {"event_type": "x"})
    assert (status, answer["message"]) == (403, "Resource not accessible by personal access token")
    del client.headers["Authorization"]
    assert client("GET", f"{REPO}/deployments")[0] == 404


def test_a_request_says_who_asks(client):
    client.headers["User-Agent"] = ""
    assert client("GET", f"{REPO}/deployments")[0] == 403
    client.headers |= {"User-Agent": "test", "X-GitHub-Api-Version": "2020-01-01"}
    assert client("GET", f"{REPO}/deployments")[0] == 400


def test_troubles(client, github, sha):
    path, body = f"{REPO}/statuses/{sha}", {"state": "success"}
    github.down = True
    assert client("POST", path, body)[0] == 503
    github.down = False
    github.limit_rate(2, status=429, retry_after=7)
    assert client("POST", path, body)[0] == 429
    assert client.headers_seen["Retry-After"] == "7"
    assert client("POST", path, body)[0] == 429
    github.fail(status=502)
    assert client("POST", path, body)[0] == 502
    assert github.kept.statuses == []
    github.lose_answers()
    with pytest.raises(http.client.RemoteDisconnected):
        client("POST", path, body)
    assert len(github.kept.statuses) == 1
    assert client("POST", path, body)[0] == 201
    assert [asked.status for asked in github.requests] == [503, 429, 429, 502, 201, 201]


def test_a_job_talks_to_the_api_with_its_own_permissions(run, github):
    needs("curl")
    ask = (
        'curl -s -o answer -w "%{http_code}\\n" -X POST -H "Authorization: Bearer $GITHUB_TOKEN" '
        '"$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$GITHUB_SHA" -d \'{"state": "success"}\'; cat answer'
    )
    jobs = "".join(
        f"{name}:\n  runs-on: ubuntu-latest\n  permissions: {{statuses: {level}}}\n"
        f"  steps:\n    - env: {{GITHUB_TOKEN: '${{{{ github.token }}}}'}}\n      run: {json.dumps(ask)}\n"
        for name, level in (("may", "write"), ("may-not", "read"))
    )
    done = run(jobs)
    assert "\n201\n" in done.jobs["may"].log
    assert '"login": "github-actions[bot]"' in done.jobs["may"].log
    assert "\n403\n" in done.jobs["may-not"].log
    assert "Resource not accessible by integration" in done.jobs["may-not"].log
