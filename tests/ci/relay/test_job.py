"""One event that started a Job on the Hub, and the command's exit codes."""

from __future__ import annotations

import json
from functools import partial

import pytest
from relays import GITHUB, GITHUB_TOKEN
from webhook_events import SECRET, SHA, body, updated

from hubver.ci.relay.forwarding import Forwarder
from hubver.ci.relay.job import run as job
from hubver.cli.main import run
from hubver.errors import GithubFailed, HubUnreachable
from hubver.settings import Settings

MODEL = "acme/job"


@pytest.fixture
def run_job(hub, github, monkeypatch, tmp_path, capsys):
    """Run the Job with these variables; answers its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        **hub.environment(),
        "HUBVER_WEBHOOK_SECRET": SECRET,
        "HUBVER_GITHUB_TOKEN": GITHUB_TOKEN,
        "GITHUB_API_URL": github.url,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_REPO_ID": MODEL,
        "WEBHOOK_REPO_TYPE": "model",
    }.items():
        monkeypatch.setenv(name, value)

    def start(payload, *options, **variables):
        monkeypatch.setenv("WEBHOOK_PAYLOAD", payload if isinstance(payload, str) else body(payload).decode())
        for name, value in variables.items():
            monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name)
        github.taken()
        code = run(["relay", "--job", "--model", f"{MODEL}={GITHUB}", *options])
        return code, "".join(capsys.readouterr())

    return start


def test_a_job_dispatches_what_waits_and_only_that(hub, github, make_repo, run_job):
    repo = make_repo(MODEL)
    sha = repo.version("v1.0.0")
    event = updated(("refs/tags/v1.0.0", sha), ("refs/heads/main", sha), model=MODEL)
    code, said = run_job(event)
    assert (code, said) == (0, f"dispatched: {MODEL} refs/tags/v1.0.0 at {sha[:8]}: {GITHUB} judges it\n")
    assert [payload["revision"] for _, payload, _ in github.taken()] == [sha]
    repo.judge(sha, baseline=None)
    code, said = run_job(event, "--json")
    assert (code, json.loads(said)["outcomes"][0]["reason"]) == (0, "it has its verdict")
    code, said = run_job(updated(("refs/heads/ledger", SHA), model=MODEL))
    assert (code, "ignored" in said) == (0, True)
    code, said = run_job(updated(("refs/pr/1", SHA), model="acme/other"))
    assert (code, "another repository" in said) == (0, True)
    assert github.taken() == []


@pytest.mark.parametrize(
    ("payload", "variables", "code", "word"),
    [
        (updated(), {"WEBHOOK_SECRET": "another"}, 1, "WEBHOOK_SECRET"),
        (updated(), {"WEBHOOK_SECRET": None}, 1, "WEBHOOK_SECRET"),
        ("[" * 50_000, {}, 2, "WEBHOOK_PAYLOAD"),
        ("{}", {}, 2, "WEBHOOK_PAYLOAD"),
        ("", {}, 2, "WEBHOOK_PAYLOAD"),
        (updated(), {"HUBVER_WEBHOOK_SECRET": None}, 2, "openssl rand"),
        (updated(), {"HUBVER_WEBHOOK_SECRET": "short"}, 2, "at least 16"),
        (updated(), {"HUBVER_WEBHOOK_SECRET": f"{SECRET} {SECRET}"}, 2, "without spaces"),
        (updated(), {"HUBVER_GITHUB_TOKEN": None}, 2, "HUBVER_GITHUB_TOKEN"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else None,
)
def test_a_job_that_cannot_be_done_says_why(github, run_job, payload, variables, code, word):
    ended, said = run_job(payload, **variables)
    assert ended == code
    assert word in said
    assert SECRET not in said
    assert GITHUB_TOKEN not in said
    assert github.taken() == []


def test_a_job_tries_again_and_then_fails(hub, github, make_repo):
    repo = make_repo(f"{MODEL}-failing")
    event = updated(("refs/tags/v1.0.0", repo.version("v1.0.0")), model=repo.repo_id)
    environment = {
        "HF_ENDPOINT": hub.url,
        "HUBVER_GITHUB_TOKEN": GITHUB_TOKEN,
        "GITHUB_API_URL": github.url,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_PAYLOAD": body(event).decode(),
    }

    def start(**more):
        settings = Settings.load(environ={**environment, **more})
        said, waits = [], []
        done = partial(job, settings.relay, SECRET.encode(), Forwarder(settings, {repo.repo_id: GITHUB}), said.append)
        return partial(done, pause=waits.append), said, waits

    begin, said, waits = start()
    github.statuses = [503, 502, 500, 503, 503]
    with pytest.raises(GithubFailed) as caught:
        begin()
    assert caught.value.exit_code == 3
    assert [line.split(":")[0] for line in said] == ["waits"] * 4
    assert waits == [1, 2, 4, 8]
    github.statuses = [502]
    assert [outcome.dispatched for outcome in begin().outcomes] == [True]
    github.statuses = [422]
    begin, said, waits = start()
    with pytest.raises(GithubFailed, match="422"):
        begin()
    assert waits == []
    begin, said, waits = start(HF_ENDPOINT="http://127.0.0.1:9")
    with pytest.raises(HubUnreachable):
        begin()
    assert len(waits) == 4
