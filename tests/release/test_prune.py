"""What may go, and what never: on each way in which refs move."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from hubver.channel_settings import ChannelSettings
from hubver.cli.main import run
from hubver.doctor import doctor
from hubver.errors import BadDocument, BadInput
from hubver.hub import ledger, pulls
from hubver.hub.events import Event, Pruned, Published, Release
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import connect, move
from hubver.localhub import Delay, Drop
from hubver.pins import version_of
from hubver.release import promote, quarantine
from hubver.retention import age, prune

LONG_AGO = datetime.now(timezone.utc) - timedelta(days=90)
# What the way in which refs move plays no part in is tried on one.
ON_ONE = pytest.mark.parametrize("local_hub", ["atomic git"], indirect=True)


def published(repo, sha: str, *, run_id: str = "run", at: datetime = LONG_AGO) -> None:
    """The line that `hubver push` writes."""
    ledger.append(
        repo.hub,
        repo.repo_id,
        lambda refs, state: Published(
            at=at, actor="acme", state=state, release=Release(sha=sha, version=version_of(refs, sha)), run_id=run_id
        ),
    )


def candidate(repo, tag: str, outcome: str | None = None, *, status: str = "closed", at: datetime = LONG_AGO) -> str:
    """A candidate in a pull request, published and judged long ago."""
    sha = repo.commit(f"weights of {tag}", pull_request=True)
    move(repo.hub, repo.repo_id, [Move(f"refs/tags/{tag}", None, sha)])
    published(repo, sha, run_id=tag, at=at)
    if outcome is not None:
        repo.judge(sha, outcome, at=at)
    if status != "open":
        repo.hub.api.change_discussion_status(repo.repo_id, pulls.with_head(repo.refs(), sha), status)
    return sha


def go(repo, **how):
    return prune(repo.repo_id, settings=repo.settings, **how)


def proposed(repo, **how) -> dict[str, str]:
    return {one.name: one.reason for one in go(repo, **how).removals}


def everything(repo) -> dict[str, str]:
    refs = repo.refs()
    return {**refs.branches, **refs.tags, **{f"#{number}": sha for number, sha in refs.pulls.items()}}


@pytest.fixture
def old(repo):
    """A repository with candidates of each kind and a release, all of long ago, and runs."""
    candidate(repo, "v1.0.0-rc.1", "fail")
    candidate(repo, "v1.0.0-rc.2")
    candidate(repo, "v1.0.0-rc.3", "pass", status="open")
    promote(f"{repo.repo_id}@v1.0.0-rc.3", override="test", settings=repo.settings)
    main = repo.refs().main
    for name in ("runs/published", "runs/left"):
        move(repo.hub, repo.repo_id, [Move(f"refs/heads/{name}", None, main)])
        repo.hub.api.upload_file(path_or_fileobj=b"1", path_in_repo="x", repo_id=repo.repo_id, revision=name)
    published(repo, main, run_id="published")
    return repo


# What `old` may lose: by its age, and where age plays no part.
AGED = {
    "v1.0.0-rc.1": "its gate said fail",
    "v1.0.0-rc.2": "v1.0.0 came after it",
    "runs/published": "its run is published",
}
YOUNG = {
    "runs/left": "its run was never published",
    "pull request #1": "it was closed without a merge",
    "pull request #2": "it was closed without a merge",
}


def test_what_may_go_is_proposed_and_then_deleted_and_named_in_the_ledger(old):
    before = everything(old)
    assert proposed(old) == AGED
    assert proposed(old, older_than=timedelta(days=100)) == {}
    assert proposed(old, older_than=timedelta()) == AGED | YOUNG
    assert everything(old) == before
    done = go(old, apply=True, older_than=timedelta())
    assert all(one.gone for one in done.removals)
    assert {one.name for one in done.removals} == set(AGED | YOUNG)
    after = everything(old)
    gone = {"v1.0.0-rc.1", "v1.0.0-rc.2", "runs/published", "runs/left", "#1", "#2"}
    assert after == {name: sha for name, sha in before.items() if name not in gone} | {"ledger": after["ledger"]}
    event = next(ledger.entries(old.hub, old.repo_id, old.refs())).event
    assert event.refs["refs/tags/v1.0.0-rc.1"] == before["v1.0.0-rc.1"]
    assert len(event.refs) == 6
    assert event.state.release("production").sha == before["production"]
    assert go(old, apply=True, older_than=timedelta()).removals == ()
    assert doctor(old.repo_id, settings=old.settings).problems == ()
    assert everything(old) == after


@ON_ONE
def test_what_is_in_review_in_quarantine_or_in_a_channel_stays(repo):
    candidate(repo, "v1.0.0-rc.1", "fail", status="open")
    candidate(repo, "v1.0.0-rc.2", "fail")
    quarantine(f"{repo.repo_id}@v1.0.0-rc.2", settings=repo.settings)
    staged = candidate(repo, "v1.0.0-rc.3", "fail")
    move(repo.hub, repo.repo_id, [Move("refs/heads/staging", None, staged)])
    candidate(repo, "v1.0.0-rc.4", "pass")
    promote(f"{repo.repo_id}@v1.0.0-rc.4", override="test", settings=repo.settings)
    other = repo.version("v1.1.0")
    promote(f"{repo.repo_id}@v1.1.0", override="test", settings=repo.settings)
    repo.hub.api.delete_tag(repo.repo_id, tag="v1.0.0")
    repo.hub.api.delete_tag(repo.repo_id, tag="rollback/1-v1.0.0")
    assert repo.refs().branches["production"] == other
    assert proposed(repo, older_than=timedelta()) == {}


@ON_ONE
def test_what_has_no_age_or_a_number_that_would_be_given_again_stays(repo):
    for number in (1, 2):
        sha = repo.commit(f"weights {number}", pull_request=True)
        move(repo.hub, repo.repo_id, [Move(f"refs/tags/v1.0.0-rc.{number}", None, sha)])
    for discussion in (1, 2):
        repo.hub.api.change_discussion_status(repo.repo_id, discussion, "closed")
    assert proposed(repo) == {}
    published(repo, repo.refs().tags["v1.0.0-rc.1"])
    published(repo, repo.refs().tags["v1.0.0-rc.2"])
    assert proposed(repo) == {"v1.0.0-rc.1": "v1.0.0-rc.2 came after it"}


def test_a_ref_that_moves_meanwhile_is_left_alone(old):
    moved = []

    def meanwhile(_line: str) -> None:
        if not moved:
            moved.append(old.refs().main)
            now = old.refs().branches["runs/left"]
            move(old.hub, old.repo_id, [Move("refs/heads/runs/left", now, old.refs().branches["production"])])

    done = go(old, apply=True, older_than=timedelta(), progress=meanwhile)
    assert {one.name for one in done.removals if not one.gone} == {"runs/left"}
    refs = old.refs()
    assert refs.branches["runs/left"] == refs.branches["production"]
    assert ("runs/published" in refs.branches, "v1.0.0-rc.1" in refs.tags) == (False, False)


def test_a_release_meanwhile_is_seen(old):
    """Somebody promotes a candidate, over its gate's refusal, between the look and the deletion."""
    done = []

    def meanwhile(_line: str) -> None:
        if not done:
            done.append(promote(f"{old.repo_id}@{old.refs().tags['v1.0.0-rc.1']}", to="canary", **_canary(old)))

    result = go(old, apply=True, progress=meanwhile)
    assert {one.name for one in result.removals if one.gone} == {"v1.0.0-rc.2", "runs/published"}
    assert old.refs().tags["v1.0.0-rc.1"] == old.refs().branches["canary"]


def _canary(repo) -> dict:
    rules = {"canary": ChannelSettings(gated=False)}
    return {"settings": repo.settings.model_copy(update={"channels": rules})}


def pruned(repo) -> list[dict[str, str]]:
    found = (entry.event for entry in ledger.entries(repo.hub, repo.repo_id, repo.refs()))
    return [event.refs for event in found if isinstance(event, Pruned)]


def test_killed_between_the_ledger_s_line_and_the_deletions_the_same_again_finishes(old, local_hub):
    before = everything(old)
    way = connect(old.hub, old.repo_id)
    if way.name.startswith("HTTP"):
        local_hub.faults.add("DELETE", "*/tag/*", Delay(600), times=None)
    elif way.in_steps:
        local_hub.faults.add("POST", "*/git-receive-pack", Delay(0))  # the ledger's line
        local_hub.faults.add("POST", "*/git-receive-pack", Delay(600), times=None)
    else:  # the line and the deletions are one request, and only its answer can be lost
        local_hub.faults.add("POST", "*/git-receive-pack", Drop("after"))
    victim = subprocess.Popen(
        [sys.executable, "-m", "hubver", "prune", old.repo_id, "--apply"],
        env={**os.environ, **local_hub.environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not pruned(old):
        assert victim.poll() is None
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    local_hub.faults.clear()
    assert ("v1.0.0-rc.1" in old.refs().tags) == way.in_steps
    result = go(old, apply=True)
    assert {one.name for one in result.removals} == (set(AGED) if way.in_steps else set())
    assert all(one.gone for one in result.removals)
    assert pruned(old) == [
        {
            "refs/tags/v1.0.0-rc.1": before["v1.0.0-rc.1"],
            "refs/tags/v1.0.0-rc.2": before["v1.0.0-rc.2"],
            "refs/heads/runs/published": before["runs/published"],
        }
    ]
    assert not {"v1.0.0-rc.1", "v1.0.0-rc.2", "runs/published"} & set(everything(old))


@ON_ONE
def test_an_event_that_cannot_be_read_could_be_a_release(old):
    ledger.append(old.hub, old.repo_id, lambda _refs, state: FromTheFuture(at=LONG_AGO, actor="x", state=state))
    before = everything(old)
    for how in ({}, {"apply": True}):
        with pytest.raises(BadDocument, match="cannot read"):
            go(old, **how)
    assert everything(old) == before


class FromTheFuture(Event):
    """A promotion as a later hubver may write it."""

    format: str = "hubver.event/2"
    kind: str = "promote"
    channel: int = 7


@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("30d", 720), ("8w", 1344), ("0d", 0)])
def test_ages(text, hours):
    assert age(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 d", "1y", "999999d"])
def test_what_is_no_age(text):
    with pytest.raises(BadInput, match="is no age"):
        age(text)


@ON_ONE
def test_the_command_says_what_and_why_and_that_nothing_was_deleted(old, local_hub, monkeypatch, capsys):
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    assert run(["prune", old.repo_id]) == 0
    out, err = capsys.readouterr()
    assert [line.rstrip().split(maxsplit=2)[::2] for line in out.splitlines()] == [[*pair] for pair in AGED.items()]
    assert "Nothing was deleted. To delete these: hubver prune acme/router --older-than 30d --apply" in err
    assert run(["prune", old.repo_id, "--apply", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["ref"]: one["gone"] for one in told["removals"]}["refs/tags/v1.0.0-rc.1"]
    assert run(["prune", old.repo_id]) == 0
    assert capsys.readouterr().out == "Nothing in acme/router is to go.\n"
