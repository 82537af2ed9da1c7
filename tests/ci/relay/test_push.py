"""`hubver push` tells GitHub of a candidate, and is done whether GitHub hears it or not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from histories import Repo
from huggingface_hub import HfApi
from outputs import write_adapter
from relays import GITHUB, GITHUB_TOKEN

from hubver.ci.dispatch import by_hand
from hubver.ci.dispatch import payload_of as payload_for
from hubver.cli.main import run
from hubver.hub.client import Hub
from hubver.settings import Settings

PATH = f"/repos/{GITHUB}/dispatches"


@pytest.fixture(scope="module")
def base(hub):
    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo("acme/base")
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="acme/base")


@pytest.fixture
def push(hub, github, base, monkeypatch, tmp_path, capsys):
    """Push the folder `out`; answers what was printed as JSON, and the notes."""
    repo_id = f"acme/{tmp_path.name}"
    monkeypatch.chdir(tmp_path)
    Path("hubver.toml").write_text(f'[ci]\ngithub = "{GITHUB}"\n')
    write_adapter(Path("out"))
    for name, value in {
        **hub.environment(),
        "GITHUB_API_URL": github.url,
        "HUBVER_GITHUB_TOKEN": GITHUB_TOKEN,
        "HF_HUB_DISABLE_XET": "1",
    }.items():
        monkeypatch.setenv(name, value)
    github.statuses = []
    github.taken()

    def call(*options):
        assert run(["push", "out", repo_id, "--json", *options]) == 0
        told = capsys.readouterr()
        assert GITHUB_TOKEN not in told.out + told.err
        return json.loads(told.out), told.err

    return call


def repo_of(told, hub):
    settings = Settings(endpoint=hub.url, token=hub.token)
    return Repo(Hub.of(settings), settings, told["repo_id"])


def payload_of(told):
    known = {name: told[name] for name in ("version", "pull_request", "run_id") if told[name] is not None}
    return {"model": told["repo_id"], "revision": told["sha"], **known}


def test_a_candidate_is_told_of_until_it_has_its_verdict(hub, github, push):
    told, _ = push("--pr")
    assert (told["version"], told["pull_request"]) == ("v1.0.0-rc.1", 1)
    assert told["dispatch"]["dispatched"]
    assert github.taken() == [(PATH, payload_of(told), 204)]
    again, _ = push("--pr")
    assert (again["already"], again["dispatch"]["dispatched"]) == (True, True)
    assert github.taken() == [(PATH, payload_of(told), 204)]
    repo_of(told, hub).judge(told["sha"], "fail", baseline=None)
    judged, notes = push("--pr")
    assert not judged["dispatch"]["dispatched"]
    assert "has its verdict already" in notes
    assert github.taken() == []


def test_a_version_on_main_is_told_of_and_not_once_it_is_in_production(hub, github, push):
    told, _ = push()
    assert github.taken() == [(PATH, payload_of(told), 204)]
    repo = repo_of(told, hub)
    repo.hub.create_branch(repo.repo_id, "production", at=told["sha"])
    assert not push()[0]["dispatch"]["dispatched"]
    assert github.taken() == []


def test_a_verdict_against_another_production_does_not_count(hub, github, push):
    told, _ = push()
    repo = repo_of(told, hub)
    repo.judge(told["sha"], baseline=None)
    other = repo.commit("other weights")
    repo.hub.create_branch(repo.repo_id, "production", at=other)
    github.taken()
    assert push()[0]["dispatch"]["dispatched"]
    assert len(github.taken()) == 1


def test_without_a_token_one_line_says_what_to_do(github, push, monkeypatch):
    monkeypatch.delenv("HUBVER_GITHUB_TOKEN")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    told, notes = push("--pr")
    assert told["dispatch"]["no_token"]
    (line,) = [line for line in notes.splitlines() if "HUBVER_GITHUB_TOKEN" in line]
    assert GITHUB in line
    assert "schedule" in line
    assert github.taken() == []


@pytest.mark.parametrize("status", [401, 503, None], ids=str)
def test_a_dispatch_that_fails_does_not_fail_the_push(github, push, monkeypatch, status):
    if status is None:
        monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    github.statuses = [status]
    told, notes = push("--pr")
    assert (told["version"], told["dispatch"]["dispatched"]) == ("v1.0.0-rc.1", False)
    assert told["dispatch"]["failure"] in notes
    assert told["dispatch"]["repeat"] in notes
    assert told["dispatch"]["repeat"] == by_hand(GITHUB, payload_of(told))
    assert 204 not in [taken for _, _, taken in github.taken()]


def test_nobody_is_told_where_nobody_is_to_be(github, push):
    assert push("--pr", "--no-dispatch")[0]["dispatch"] is None
    Path("hubver.toml").unlink()
    told, notes = push("--pr")
    assert told["dispatch"] is None
    assert "github" not in notes.lower()
    assert github.taken() == []


def test_the_command_by_hand_says_the_same_to_a_shell():
    payload = {"model": "acme/router", "revision": "1" * 40, "version": 'v1\'; $(id) "`x`"', "pull_request": 7}
    words = shlex.split(by_hand(GITHUB, payload))
    assert words[:3] == ["gh", "api", f"repos/{GITHUB}/dispatches"]
    fields = dict(zip(words[4::2], words[3::2], strict=True))
    assert fields == {
        "event_type=hubver-candidate": "-f",
        "client_payload[model]=acme/router": "-f",
        f"client_payload[revision]={'1' * 40}": "-f",
        f"client_payload[version]={payload['version']}": "-f",
        "client_payload[pull_request]=7": "-F",  # a number stays one
    }


def test_a_payload_stays_far_below_what_github_takes():
    named = {"version": "v1.0.0", "pull_request": None}
    assert payload_for("acme/router", "1" * 40, run_id="r" * 200, **named)["run_id"] == "r" * 200
    assert "run_id" not in payload_for("acme/router", "1" * 40, run_id="r" * 70_000, **named)
