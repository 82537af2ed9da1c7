"""What lets a commit into a channel, and what does not. The way in which refs move plays no part, so one Hub is enough."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import count
from typing import TYPE_CHECKING

import pytest
from histories import Repo

from hubver.errors import BadInput, GateFailed, HubverError, NotGated
from hubver.gates_folder import gates_digest
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.localhub import LocalHub
from hubver.release import promote, quarantine, rollback
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = count(1)
OTHER = "1" * 64


@pytest.fixture(scope="module")
def local_hub(tmp_path_factory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def repo(local_hub, tmp_path) -> Repo:
    """A repository of its own, and a project with gates and a staging channel before production."""
    hub = Hub(local_hub.url, Settings(token=local_hub.token).token)
    repo_id = f"acme/router-{next(_NUMBERS)}"
    hub.create_repo(repo_id)
    for folder in ("gates", "quick"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test_quality.py").write_text(f"def test_{folder}(): ...\n", encoding="utf-8")
    project = Repo(hub, Settings(), repo_id)
    configure(project, tmp_path, '[channels.staging]\ngates = "quick"')
    return project


def configure(repo: Repo, folder: Path, toml: str) -> None:
    """Write the project's `hubver.toml`, and read it as a command does."""
    (folder / "hubver.toml").write_text(toml, encoding="utf-8")
    environ = {"HF_ENDPOINT": repo.hub.endpoint, "HF_TOKEN": repo.hub.token.get_secret_value(), "HF_HOME": "/nowhere"}
    repo.settings = Settings.load(folder, environ | {"HUBVER_CACHE": str(folder / "cache")})


def judged(repo: Repo, sha: str, channel: str = "production", outcome: str = "pass", **said) -> str:
    """A verdict as `hubver gate --channel` gives it now."""
    settings = repo.settings.on_channel(channel)
    own = {
        "channel": channel,
        "gates_digest": gates_digest(settings.gates_directory) if settings.gates_directory.is_dir() else OTHER,
        "tasks_digest": settings.tasks_digest,
    }
    return repo.judge(sha, outcome, channel, **{**own, **said})


def refused(repo: Repo, revision: str, error: type[HubverError], words: str, **how) -> HubverError:
    """A promotion is refused, and nothing has moved."""
    before = repo.refs()
    with pytest.raises(error, match=words) as caught:
        promote(f"{repo.repo_id}@{revision}", settings=repo.settings, **how)
    assert repo.refs() == before
    assert caught.value.exit_code in (1, 2)
    return caught.value


def go(repo: Repo, revision: str, channel: str = "production", **how):
    return promote(f"{repo.repo_id}@{revision}", to=channel, settings=repo.settings, **how)


def test_a_verdict_by_these_gates_and_tasks_lets_it_in(repo):
    sha = repo.version("v1.0.0")
    verdict = judged(repo, sha)
    assert go(repo, "v1.0.0").release.sha == sha
    assert next(ledger.entries(repo.hub, repo.repo_id, repo.refs())).event.verdict == verdict


def test_other_gates_are_refused_and_both_named(repo, tmp_path):
    judged(repo, repo.version("v1.0.0"))
    before = gates_digest(tmp_path / "gates")
    (tmp_path / "gates" / "test_more.py").write_text("def test_more(): ...\n", encoding="utf-8")
    error = refused(repo, "v1.0.0", NotGated, "judged by other gates than those in")
    assert (error.found, error.expected) == (before[:12], f"digest {gates_digest(tmp_path / 'gates')[:12]}")
    assert error.hint == f"Judge it by these with: hubver gate {repo.repo_id}@v1.0.0"


def test_caches_of_the_gates_change_nothing(repo, tmp_path):
    judged(repo, repo.version("v1.0.0"))
    (tmp_path / "gates" / "__pycache__").mkdir()
    (tmp_path / "gates" / "__pycache__" / "test_quality.pyc").write_bytes(b"\0")
    assert not go(repo, "v1.0.0").already


def test_other_tasks_are_refused_and_both_named(repo, tmp_path):
    judged(repo, repo.version("v1.0.0"))
    before = repo.settings.tasks_digest
    configure(repo, tmp_path, '[tasks.easy]\nrows = "easy.jsonl"')
    error = refused(repo, "v1.0.0", NotGated, r"judged with other tasks than .*hubver\.toml declares")
    assert (error.found, error.expected) == (before[:12], f"digest {repo.settings.tasks_digest[:12]}")


def test_without_gates_here_the_ledger_s_word_counts(repo, tmp_path):
    judged(repo, repo.version("v1.0.0"), gates_digest=OTHER, tasks_digest=OTHER)
    configure(repo, tmp_path, 'gates = "not-checked-out"')
    assert not go(repo, "v1.0.0").already


def test_without_gates_here_a_verdict_for_another_channel_does_not_count(repo, tmp_path):
    sha = repo.version("v1.0.0")
    judged(repo, sha, "staging")
    configure(repo, tmp_path, 'gates = "not-checked-out"\n[channels.staging]\ngates = "nor-this"')
    refused(repo, "v1.0.0", NotGated, "was judged for staging, not for production")
    assert go(repo, "v1.0.0", "staging").release.sha == sha


def test_channels_at_the_same_commit_have_their_own_verdicts(repo):
    """A staging gate that came later neither stands for production's verdict nor hides it."""
    repo.version("v1.0.0")
    for channel in ("staging", "production"):
        go(repo, "v1.0.0", channel, override="first")
    sha = repo.version("v1.1.0")
    judged(repo, sha, "staging")
    error = refused(repo, "v1.1.0", NotGated, "was judged for staging, not for production")
    assert error.hint == f"Judge it for production with: hubver gate {repo.repo_id}@v1.1.0"
    judged(repo, sha, "production")
    judged(repo, sha, "staging", "fail")
    assert go(repo, "v1.1.0", "production").release.sha == sha
    assert "fail" in str(refused(repo, "v1.1.0", GateFailed, "does not go to staging", to="staging"))


def test_the_same_gates_against_the_same_commit_count_for_every_channel(repo, tmp_path):
    configure(repo, tmp_path, "[channels.canary]")
    sha = repo.version("v1.0.0")
    judged(repo, sha, "canary")
    assert go(repo, "v1.0.0", "production").release.sha == sha


def test_a_failure_for_this_channel_by_newer_gates_is_not_passed_over(repo, tmp_path):
    """Whoever has an old checkout does not get in by an old verdict."""
    sha = repo.version("v1.0.0")
    judged(repo, sha)
    judged(repo, sha, outcome="fail", gates_digest=OTHER)
    refused(repo, "v1.0.0", GateFailed, "is fail")


def test_the_baseline_is_what_that_channel_has(repo):
    one = repo.version("v1.0.0")
    judged(repo, one)
    go(repo, "v1.0.0")
    sha = repo.version("v1.1.0")
    judged(repo, sha, "staging")
    judged(repo, sha, "production")
    assert go(repo, "v1.1.0", "staging").previous is None
    refused(repo, "v1.0.0", NotGated, "judged against no production, but v1.1.0 is in staging now", to="staging")
    assert go(repo, "v1.1.0").previous.sha == one


@pytest.mark.parametrize(
    ("days", "age", "counts"),
    [("", 29, True), ("", 31, False), ("verdict_days = 0.5", 1, False), ("verdict_days = 400", 399, True)],
)
def test_a_verdict_expires(repo, tmp_path, days, age, counts):
    configure(repo, tmp_path, f"[channels.production]\n{days}")
    at = datetime.now(timezone.utc) - timedelta(days=age)
    judged(repo, repo.version("v1.0.0"), at=at)
    if counts:
        assert not go(repo, "v1.0.0").already
        return
    error = refused(repo, "v1.0.0", NotGated, "verdict on v1.0.0 has expired")
    assert error.found == f"{at:%Y-%m-%d}"
    judged(repo, repo.refs().tags["v1.0.0"])
    assert not go(repo, "v1.0.0").already


def test_a_verdict_of_the_future_does_not_count(repo):
    judged(repo, repo.version("v1.0.0"), at=datetime.now(timezone.utc) + timedelta(days=300))
    refused(repo, "v1.0.0", NotGated, "is dated in the future")


def test_each_channel_has_its_own_days(repo, tmp_path):
    configure(repo, tmp_path, "[channels.canary]\nverdict_days = 1\n[channels.production]\nverdict_days = 9")
    sha = repo.version("v1.0.0")
    for channel in ("canary", "production"):
        judged(repo, sha, channel, at=datetime.now(timezone.utc) - timedelta(days=3))
    refused(repo, "v1.0.0", NotGated, "one of the last 1 days", to="canary")
    assert not go(repo, "v1.0.0").already


def test_a_quarantined_revision_goes_nowhere_not_even_with_a_reason(repo):
    sha = repo.version("v1.0.0")
    judged(repo, sha)
    judged(repo, sha, "staging")
    quarantine(f"{repo.repo_id}@v1.0.0", reason="leaks", settings=repo.settings)
    for how in ({}, {"override": "it must"}, {"to": "staging"}, {"to": "staging", "override": "it must"}):
        error = refused(repo, "v1.0.0", NotGated, "quarantined", **how)
        assert f"hubver quarantine {repo.repo_id}@v1.0.0 --lift" in error.hint
    quarantine(f"{repo.repo_id}@v1.0.0", lift=True, settings=repo.settings)
    assert go(repo, "v1.0.0").release.sha == sha


def test_what_a_rollback_quarantines_does_not_come_back(repo):
    for tag in ("v1.0.0", "v1.1.0"):
        judged(repo, repo.version(tag))
        go(repo, tag)
    rollback(repo.repo_id, quarantine=True, settings=repo.settings)
    judged(repo, repo.refs().tags["v1.1.0"])
    refused(repo, "v1.1.0", NotGated, "quarantined")


def test_overrides_can_be_forbidden_by_channel(repo, tmp_path):
    configure(repo, tmp_path, "[channels.production]\noverrides = false\n[channels.canary]")
    repo.version("v1.0.0")
    error = refused(repo, "v1.0.0", NotGated, "production takes no overrides", override="in a hurry")
    assert str(tmp_path / "hubver.toml") in str(error)
    go(repo, "v1.0.0", "canary", override="in a hurry")
    assert repo.titles()[0] == "promote v1.0.0 → canary (first release, override)"
    judged(repo, repo.refs().tags["v1.0.0"])
    assert not go(repo, "v1.0.0").already


def test_an_override_names_the_verdict_that_it_goes_against(repo):
    sha = repo.version("v1.0.0")
    verdict = judged(repo, sha, outcome="fail")
    go(repo, "v1.0.0", override="known and accepted")
    event = next(ledger.entries(repo.hub, repo.repo_id, repo.refs())).event
    assert (event.verdict, event.override) == (verdict, "known and accepted")


def test_a_channel_without_gates_needs_no_verdict(repo, tmp_path):
    configure(repo, tmp_path, "[channels.canary]\ngated = false")
    sha = repo.version("v1.0.0")
    assert go(repo, "v1.0.0", "canary").release.sha == sha
    refused(repo, "v1.0.0", NotGated, "There is no verdict on v1.0.0")


AFTER = '[channels.staging]\ngated = false\n[channels.production]\nafter = "staging"'


def test_what_was_never_in_the_channel_before_is_refused(repo, tmp_path):
    configure(repo, tmp_path, AFTER)
    judged(repo, repo.version("v1.0.0"))
    for how in ({}, {"override": "it must"}):
        error = refused(repo, "v1.0.0", NotGated, "has never been in staging, and production takes only", **how)
        assert error.hint == f"Promote it there first: hubver promote {repo.repo_id}@v1.0.0 --to staging"


@pytest.mark.parametrize("left", [False, True], ids=["is there", "was there"])
def test_what_has_been_in_the_channel_before_may_go_on(repo, tmp_path, left):
    configure(repo, tmp_path, AFTER)
    sha = repo.version("v1.0.0")
    go(repo, "v1.0.0", "staging")
    if left:
        repo.version("v1.1.0")
        go(repo, "v1.1.0", "staging")
    judged(repo, sha)
    assert go(repo, "v1.0.0").release.sha == sha


def test_the_main_channel_may_have_another_name(repo, tmp_path):
    configure(repo, tmp_path, 'production = "live"\n[channels.live]\noverrides = false\n[channels.staging]')
    sha = repo.version("v1.0.0")
    refused(repo, "v1.0.0", NotGated, "live takes no overrides", override="in a hurry")
    judged(repo, sha, "live")
    assert promote(f"{repo.repo_id}@v1.0.0", settings=repo.settings).channel == "live"
    judged(repo, repo.version("v1.1.0"), "live")
    assert go(repo, "v1.1.0", "live").rollback_tag == "rollback/1-v1.0.0"
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == sha == repo.refs().branches["live"]
    assert "production" not in repo.refs().branches


@pytest.mark.parametrize("channel", ["stagin", "main", "ledger", "v1.0.0", "two words", "a/b", "1-v1.0.0", "f" * 40])
def test_what_is_no_channel(repo, channel):
    repo.version("v1.0.0")
    refused(
        repo, "v1.0.0", BadInput, "no channel 'stagin'" if channel == "stagin" else "cannot be a channel", to=channel
    )
    with pytest.raises(BadInput) as caught:
        rollback(repo.repo_id, channel=channel, settings=repo.settings)
    assert channel != "stagin" or caught.value.expected == "one of production, staging"
