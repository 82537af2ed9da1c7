from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from hubver.channels import status
from hubver.cli.main import run
from hubver.hub import ledger
from hubver.hub.events import Promoted, Release
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.release import promote, quarantine
from hubver.settings import ChannelSettings


@pytest.fixture
def told(repo, local_hub, monkeypatch, tmp_path, capsys):
    """Run `hubver status`: what it prints, and its warnings."""
    monkeypatch.chdir(tmp_path)
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "hubver.toml").write_text("[channels.staging]\ngated = false\n", encoding="utf-8")

    def call(*arguments: str) -> tuple[str, str]:
        assert run(["status", repo.repo_id, *arguments]) == 0
        caught = capsys.readouterr()
        return caught.out, caught.err

    return call


def released(repo, *tags: str) -> list[str]:
    shas = []
    for tag in tags:
        shas.append(repo.version(tag))
        repo.judge(shas[-1])
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
    return shas


def test_every_channel_is_told_with_what_brought_it(repo, told, asked):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    staged = repo.settings.model_copy(
        update={"channels": {"staging": ChannelSettings(gated=False), "canary": ChannelSettings()}}
    )
    promote(f"{repo.repo_id}@v1.0.0", to="staging", settings=staged)
    quarantine(f"{repo.repo_id}@v1.0.0", settings=repo.settings)
    asked()
    found = status(repo.repo_id, settings=staged)
    assert len(asked()) == 2
    production, staging, canary = found.channels
    assert (production.name, production.release) == ("production", Release(sha=two, version="v1.1.0"))
    assert (production.by.kind, production.by.title) == ("promote", "promote v1.1.0 → production (was v1.0.0)")
    assert production.since == production.by.at == found.state.channel("production").since
    assert [point.tag for point in production.rollback_points] == ["rollback/1-v1.0.0"]
    assert (staging.release.sha, staging.by.title) == (one, "promote v1.0.0 → staging (first release)")
    assert (canary.name, canary.release, canary.since, canary.by) == ("canary", None, None, None)
    assert (found.production, found.latest, found.warnings) == (production.release, "v1.1.0", ())
    out, err = told()
    lines = out.splitlines()
    assert lines[1].startswith(f"  production       v1.1.0 ({two[:8]}), ")
    assert lines[1].endswith(", promote by acme")
    assert lines[2] == "                   way back: rollback/1-v1.0.0"
    assert f"  quarantined      v1.0.0 ({one[:8]})" in lines
    assert err == ""


def test_verdicts_that_came_since_do_not_hide_what_brought_it(repo):
    released(repo, "v1.0.0")
    later = repo.version("v1.1.0")
    for _ in range(3):
        repo.judge(later, "fail")
    (channel,) = status(repo.repo_id, settings=repo.settings).channels
    assert channel.by.kind == "promote"


def proposed(repo, tag: str) -> tuple[str, int]:
    """A candidate in a pull request; its commit and the number."""
    before = repo.refs().pulls.keys()
    sha = repo.commit(f"weights of {tag}", pull_request=True)
    (number,) = repo.refs().pulls.keys() - before
    move(repo.hub, repo.repo_id, [Move(f"refs/tags/{tag}", None, sha)])
    return sha, number


def test_open_pull_requests_are_told_with_their_newest_verdict(repo, told, asked):
    stale, _ = proposed(repo, "v2.0.0-rc.1")
    repo.judge(stale)
    released(repo, "v1.0.0")
    failed, number = proposed(repo, "v2.0.0-rc.2")
    repo.judge(failed, "pass")
    repo.judge(failed, "fail")
    proposed(repo, "v2.0.0-rc.3")
    asked()
    found = status(repo.repo_id, settings=repo.settings)
    assert len(asked()) == 3
    assert {review.version: review.verdict for review in found.reviews} == {
        "v2.0.0-rc.1": "stale",
        "v2.0.0-rc.2": "fail",
        "v2.0.0-rc.3": "none",
    }
    (review,) = [review for review in found.reviews if review.number == number]
    assert (review.head, review.title) == (failed, "weights of v2.0.0-rc.2")
    later = status(repo.repo_id, settings=repo.settings, now=datetime.now(timezone.utc) + timedelta(days=31))
    assert {review.verdict for review in later.reviews} == {"stale", "none"}
    out, _ = told()
    assert "in review        3 open pull requests" in out
    assert f"#{number} v2.0.0-rc.2 ({failed[:8]}), verdict fail: weights of v2.0.0-rc.2" in out
    assert "not judged yet" in out
    repo.hub.api.change_discussion_status(repo.repo_id, number, "closed")
    found = json.loads(told("--json")[0])
    assert found["open_pulls"] == len(found["reviews"]) == 2


def test_a_branch_that_is_elsewhere_is_a_warning_and_not_a_failure(repo, told):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", two, one)])
    out, err = told()
    assert err == (
        f"warning: production is at v1.0.0 ({one[:8]}), but the ledger says v1.1.0 ({two[:8]}): it was moved by other "
        "means than hubver. Look with: hubver doctor acme/router\n"
    )
    assert f"  production       v1.0.0 ({one[:8]})\n" in out  # since when, nobody knows
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", one, None)])
    assert "production is at nothing, but the ledger says v1.1.0" in told()[1]


def test_a_change_that_is_half_done_is_a_warning(repo, told):
    (one,) = released(repo, "v1.0.0")
    two = repo.version("v1.1.0")
    at = datetime.now(timezone.utc)
    begun = {"at": at, "actor": "carol", "channel": "production", "release": Release(sha=two, version="v1.1.0")}

    def event(_refs, state) -> Promoted:
        return Promoted(
            **begun,
            previous=Release(sha=one, version="v1.0.0"),
            verdict=None,
            in_steps=True,
            state=state.promoted("production", begun["release"], None, at),
        )

    ledger.append(repo.hub, repo.repo_id, event)
    _, err = told()
    assert err.startswith("warning: carol began to promote v1.1.0 → production (was v1.0.0), and that is half done")
    assert "hubver doctor acme/router" in err
    assert len(err.splitlines()) == 1
