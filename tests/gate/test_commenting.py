"""The verdict on the pull request that brought the candidate."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubver.channel_settings import ChannelSettings
from hubver.cli.main import run
from hubver.gate import commenting
from hubver.gate.judge import Judgement
from hubver.gate.verdict import Counts, GateResult, GatesCode, Subject, Verdict
from hubver.localhub import Answer
from hubver.pins import Pin
from hubver.settings import Settings

SHA = "a" * 40
QUICK = "def test_plain(): pass\n"


@pytest.fixture
def gate(repo, local_hub, tmp_path, monkeypatch, capsys, in_this_process):
    """`hubver gate` with gates that ask nothing; answers its exit code and what it said."""
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "test_quality.py").write_text(QUICK)
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = run(["gate", *arguments])
        return code, capsys.readouterr().err

    return call


def said(repo, number=1):
    return [one.text for one in repo.hub.comments(repo.repo_id, number)[1:]]


def test_the_verdict_replaces_the_former_one_on_the_pull_request(repo, gate, monkeypatch):
    repo.commit("candidate", pull_request=True)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/training")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    code, err = gate("acme/router@refs/pr/1", "--comment")
    assert code == 1
    (first,) = said(repo)
    assert f"Said on {repo.hub.endpoint}/acme/router/discussions/1#" in err
    head = repo.refs().pulls[1]
    assert first.startswith("<!-- hubver:gate -->\n### ❌ FAIL: acme/router")
    assert "No test asked the gate" in first
    assert "**Next:** put right what is said above, then `hubver push FOLDER acme/router --pr`" in first
    assert first.endswith("[The run that judged](https://github.com/acme/training/actions/runs/7)")
    Path("gates/test_quality.py").write_text("")
    assert gate(f"acme/router@{head}", "--comment")[0] == 1
    (second,) = said(repo)
    assert "No tests were collected" in second


def test_a_candidate_that_is_no_head_of_a_pull_request_is_noted(repo, gate):
    repo.version("v1.0.0")
    code, err = gate("acme/router@v1.0.0", "--comment")
    assert code == 1
    assert "as its head" in err
    assert repo.titles()[0].startswith("verdict")


def test_a_comment_that_fails_changes_nothing(repo, gate, local_hub):
    repo.commit("candidate", pull_request=True)
    local_hub.faults.add("POST", "*/comment", Answer(503), times=None)
    code, err = gate("acme/router@refs/pr/1", "--comment")
    assert code == 1
    assert "warning: the verdict stands, but no comment says so" in err
    assert "hf_" not in err
    assert said(repo) == []
    assert repo.titles()[0].startswith("verdict")


def test_a_shard_has_nothing_to_comment(gate):
    code, err = gate("acme/router@v1.0.0", "--shard", "1/2", "--comment")
    assert code == 2
    assert "A shard decides nothing" in err


def judgement(outcome, revision="v1.1.0-rc.1", version="v1.1.0-rc.1"):
    candidate = Pin("acme/router", revision, SHA, version=version)
    counts = {{"pass": "passed", "fail": "failed"}.get(outcome, outcome): 1}
    verdict = Verdict(
        repo_id="acme/router",
        candidate=Subject(revision=revision, sha=SHA),
        baseline=None,
        outcome=outcome,
        gates=(GateResult(gate="test_floor", policy="floor", task="tickets", outcome=outcome, reason="said."),),
        counts=Counts(collected=1, **counts),
        gates_code=GatesCode(digest="c" * 64),
        hubver_version="0.1",
        created="2026-01-01T00:00:00Z",
        duration_seconds=1.0,
    )
    return Judgement(candidate, None, verdict, "c" * 40, Path())


@pytest.mark.parametrize(
    ("outcome", "channel", "words"),
    [
        ("pass", None, "`hubver promote acme/router@v1.1.0-rc.1`"),
        ("pass", "staging", "`hubver promote acme/router@v1.1.0-rc.1 --to staging`"),
        ("inconclusive", None, "`hubver gate acme/router@v1.1.0-rc.1`"),
        ("inconclusive", "staging", "`hubver gate acme/router@v1.1.0-rc.1 --channel staging`"),
        ("fail", "staging", "`hubver push FOLDER acme/router --pr`"),
    ],
)
def test_what_to_do_next_fits_the_verdict(outcome, channel, words):
    settings = Settings(channels={"staging": ChannelSettings()}).on_channel(channel)
    text = commenting.text(judgement(outcome), settings)
    (following,) = [line for line in text.splitlines() if line.startswith("**Next:**")]
    assert following.endswith(words)
    assert commenting.marker(settings) == f"<!-- hubver:gate{f' {channel}' if channel else ''} -->"


def test_a_revision_s_name_is_no_markdown():
    evil = "x`--><img src=x>@everyone`"
    text = commenting.text(judgement("pass", revision=evil, version=None), Settings())
    assert evil not in text
    assert f"hubver promote acme/router@{SHA}" in text
