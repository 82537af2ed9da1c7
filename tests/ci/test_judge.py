"""`hubver ci judge`: a verdict by the answers of shards, said everywhere; and what is said where there is none."""

from __future__ import annotations

from datetime import datetime, timezone

import click
import pytest
from huggingface_hub import CommitOperationAdd
from job_files import heard, said
from loopback_github import Reply

from hubver.ci import rest
from hubver.ci.step import Step
from hubver.ci.telling import Telling, is_repository
from hubver.ci_settings import GithubSettings
from hubver.gate import Task
from hubver.gate.hearing.shards import Shard, written
from hubver.gate.judge import Judgement
from hubver.gate.verdict import GatesCode, Subject, Verdict
from hubver.gates_folder import gates_digest
from hubver.hub import ledger
from hubver.localhub import Answer
from hubver.pins import Pin
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.record.schema.place import Code

REPO = "acme/router"
RUN = "https://github.example.org/acme/router-training/actions/runs/7"
MAIN, TRAINED = "c0ffee" + "0" * 34, "7" * 40
HERE = "https://github.example.org/acme/router-training.git"
ROWS = [{"prompt": f"What is {number}?", "completion": f"it is {number}"} for number in range(40)]
GATES = f"""
from hubver.gate import Task
TASK = Task("numbers", rows={ROWS!r})
def test_floor(gate):
    gate.floor(TASK, 0.5)
"""


@pytest.fixture
def shards(repo, job):
    """Writes what two shards brought home for a commit, with a part of the answers right."""
    (job.root / "gates" / "test_quality.py").write_text(GATES)
    (job.root / "answers").mkdir()
    examples = Task("numbers", rows=ROWS).load(job.root, job.settings())
    requests = [request for asked in examples.requests.values() for request in asked]

    def write(sha: str, *, right: float = 1.0, count: int = 2):
        answers = {
            request: f"it is {request.prompt[8:-1]}" if place < right * len(requests) else "no idea"
            for place, request in enumerate(requests)
        }
        for index in range(1, count + 1):
            part = Shard(
                repo_id=REPO,
                candidate=Subject(revision=sha, sha=sha),
                baseline=None,
                gates_digest=gates_digest(job.root / "gates"),
                index=index,
                count=2,
                answers={"candidate": written(dict(list(answers.items())[index - 1 :: 2]))},
            )
            folder = job.root / "answers" / f"hubver-answers-{index}"
            folder.mkdir(exist_ok=True)
            (folder / f"gate-shard-{index}-of-2.json").write_bytes(part.to_bytes())
        return job.root / "answers"

    return write


def pull_request(repo, code: Code | None = None) -> str:
    """A candidate, with a record that says which code trained it."""
    record = RunRecord(run_id="run-1", created=datetime(2026, 1, 2, tzinfo=timezone.utc), code=code or Code())
    files = {"weights.txt": b"weights", RECORD_FILE: record.to_bytes()}
    operations = [CommitOperationAdd(name, content) for name, content in files.items()]
    sha = repo.hub.api.create_commit(REPO, operations, commit_message="a run", create_pr=True).oid
    repo.hub.create_tag(REPO, "v1.0.0-rc.1", sha)
    return sha


def tell(repo, job, sha: str, outcome: str = "fail", problem: str = "It is broken.") -> None:
    """What the command says of a verdict that somebody came to."""
    verdict = Verdict(
        repo_id=REPO,
        candidate=Subject(revision=sha, sha=sha),
        baseline=None,
        outcome=outcome,
        problems=(problem,),
        gates_code=GatesCode(digest="0" * 64),
        hubver_version="1",
        created="2026-01-02T00:00:00Z",
        duration_seconds=1,
    )
    pinned = Pin(REPO, sha, sha, version="v1.0.0-rc.1")
    settings = job.settings()
    Telling(settings, Step(settings.github, lambda line: click.echo(line, err=True))).judged(
        Judgement(pinned, None, verdict, "1" * 40, job.root)
    )


def comment(repo) -> str:
    (found,) = [one.text for one in repo.hub.comments(REPO, 1) if one.text.startswith("<!-- hubver:gate -->")]
    return found


@pytest.mark.parametrize(("right", "outcome"), [(1.0, "pass"), (0.0, "fail")])
def test_a_verdict_is_said_everywhere(repo, job, shards, right, outcome):
    sha = pull_request(repo)
    code = job.step("judge", f"{REPO}@{sha}", shards(sha, right=right), "--shards", 2, "--out", job.root / "report")
    assert code == (0 if outcome == "pass" else 1)
    event = next(ledger.entries(repo.hub, REPO, repo.refs()))
    assert job.outputs == {
        "outcome": outcome,
        "passed": "true" if outcome == "pass" else "false",
        "candidate": sha,
        "version": "v1.0.0-rc.1",
        "ledger-commit": event.sha,
        "baseline": "",
    }
    assert (event.event.outcome, event.event.run_url) == (outcome, RUN)
    report = (job.root / "report" / "gate-report.md").read_text()
    assert f"acme/router&#64;v1.0.0-rc.1 ({sha[:8]})" in report
    assert report in job.summary
    assert report.strip() in comment(repo)
    assert f"({RUN})" in comment(repo)
    ((marked, status),) = job.github.statuses
    assert marked == MAIN
    assert status["state"] == ("success" if outcome == "pass" else "failure")
    assert status["context"] == "hubver/gate acme/router"
    assert status["target_url"] == RUN
    assert status["description"].startswith(outcome.upper())
    assert said(job.said[1], "error").startswith("" if outcome == "pass" else "FAIL: acme/router@v1.0.0-rc.1")


def test_the_next_verdict_takes_the_place_of_the_first(repo, job):
    sha = pull_request(repo)
    tell(repo, job, sha, problem="First.")
    tell(repo, job, sha, problem="Second.")
    assert "Second." in comment(repo)
    assert "First." not in comment(repo)


def test_a_shard_that_is_missing_is_an_error_and_said_everywhere(repo, job, shards):
    sha = pull_request(repo)
    assert job.step("judge", f"{REPO}@{sha}", shards(sha, count=1)) == 2
    assert job.outputs == {"outcome": "error", "passed": "false"}
    for told in (job.summary, comment(repo)):
        assert f"💥 There is no verdict on acme/router&#64;{sha}" in told
        assert "not all there" in told
    ((_, status),) = job.github.statuses
    assert (status["state"], status["context"]) == ("error", "hubver/gate acme/router")
    assert repo.titles() == ["no verdict on v1.0.0-rc.1"]
    event = next(ledger.entries(repo.hub, REPO, repo.refs())).event
    assert (event.candidate.sha, event.baseline, event.channel, event.run_url) == (sha, None, "production", RUN)
    assert event.reason.startswith("The shards are not all there")


def test_shards_that_were_not_started_are_an_error_and_said_everywhere(repo, job, shards):
    sha = pull_request(repo)
    folder = shards(sha)
    assert job.step("judge", f"{REPO}@{sha}", folder, "--shards", 3) == 2
    assert job.outputs == {"outcome": "error", "passed": "false"}
    assert "not those that were started" in comment(repo)
    assert repo.titles() == ["no verdict on v1.0.0-rc.1"]


def test_a_harness_that_breaks_is_an_error_and_said_everywhere(repo, job, shards):
    sha = pull_request(repo)
    folder = shards(sha)
    changed = (job.root / "gates" / "test_quality.py").read_text().replace("What is 1?", "What was 1?")
    (job.root / "gates" / "test_quality.py").write_text(changed)
    for file in folder.rglob("*.json"):  # shards of gates that ask something else each time
        part = Shard.from_bytes(file.read_bytes())
        file.write_bytes(part.model_copy(update={"gates_digest": gates_digest(job.root / "gates")}).to_bytes())
    assert job.step("judge", f"{REPO}@{sha}", folder) == 3
    assert job.outputs["outcome"] == "error"
    assert "lack 1 of" in comment(repo)
    assert job.github.statuses[0][1]["state"] == "error"


def test_what_is_undecided_is_no_success(repo, job):
    tell(repo, job, pull_request(repo), outcome="inconclusive")
    assert (job.github.statuses[0][1]["state"], job.outputs_now()["passed"]) == ("failure", "false")
    assert "INCONCLUSIVE" in comment(repo)


@pytest.mark.parametrize(
    ("code", "commits", "marked"),
    [
        (Code(sha=TRAINED, remote=HERE), {MAIN, TRAINED}, TRAINED),
        (Code(sha=TRAINED, remote=HERE), {MAIN}, MAIN),  # never pushed, or gone after a rebase
        (Code(sha=TRAINED, remote="git@elsewhere.example.org:acme/router-training.git"), {MAIN, TRAINED}, MAIN),
        (Code(sha=TRAINED), {MAIN, TRAINED}, MAIN),
        (Code(remote=HERE), {MAIN, TRAINED}, MAIN),
        (Code(sha="../../../other/repository/dispatches", remote=HERE), {MAIN}, MAIN),
        (Code(sha="main", remote=HERE), {MAIN, "main"}, MAIN),
    ],
    ids=["of this repository", "not there", "of another", "of none", "not known", "an address", "a branch"],
)
def test_the_commit_that_is_marked(repo, job, code, commits, marked):
    job.github.commits = commits
    tell(repo, job, pull_request(repo, code))
    assert [sha for sha, _ in job.github.statuses] == [marked]


@pytest.mark.parametrize("status", [403, 500])
def test_a_status_that_cannot_be_set_is_a_warning(repo, job, capsys, status, monkeypatch):
    monkeypatch.setattr(rest, "_TRIES", 1)
    sha = pull_request(repo)
    job.github.replies = [Reply(status, {"message": "no\n::add-mask::e"})]
    tell(repo, job, sha)
    log = capsys.readouterr().err
    assert said(log, "warning").startswith("It is not said on the commit: ")
    assert "ghs_job" not in log
    assert "It is broken." in comment(repo)


def test_a_token_that_may_not_comment_is_a_warning(repo, job, capsys, local_hub):
    sha = pull_request(repo)
    local_hub.faults.add("POST", "*/comment", Answer(403), times=None)
    tell(repo, job, sha)
    assert said(capsys.readouterr().err, "warning").startswith("It is not said on the pull request: ")
    assert job.github.statuses[0][1]["state"] == "failure"


def test_tricks_in_a_verdict_stay_text(repo, job, capsys):
    tricks = "a | b `c` <!-- @all ${{ github.token }}\n::set-output name=passed::true\n# Title ![x](http://x)"
    tell(repo, job, pull_request(repo), problem=tricks)
    assert [one.level for one in heard(capsys.readouterr().err)] == ["error"]
    assert job.outputs_now()["passed"] == "false"
    for told in (job.settings().github.step_summary.read_text(), comment(repo)):
        assert not any(trick in told for trick in ("@all", "![x]", "<!-- @", "\n# Title", "\n::"))


def test_what_an_error_quotes_is_no_command(repo, job, shards):
    sha = pull_request(repo)
    tricks = "gate-shard-1-\n::add-mask::e\n::set-output name=passed::true\n##[add-mask]e\n-of-2.json"
    (shards(sha) / tricks).write_text("{")
    assert job.step("judge", f"{REPO}@{sha}", job.root / "answers") == 2
    assert "set-output" in job.said[1]  # it was printed, and heard by nobody
    assert [one.level for one in heard(job.said[1])] == ["error"]
    assert job.outputs["passed"] == "false"


def test_a_token_that_may_only_read_judges_nothing(repo, job, shards, local_hub):
    sha = pull_request(repo)
    job.monkeypatch.setenv("HF_TOKEN", local_hub.add_user("reader", orgs=("acme",), write=False))
    assert job.step("judge", f"{REPO}@{sha}", shards(sha)) == 2
    assert job.outputs["outcome"] == "error"
    assert repo.titles() == []
    assert "It is not said in the ledger: " in job.said[1]


def test_the_ledger_has_no_more_of_an_error_than_everybody_may_know(repo, job, shards):
    sha = pull_request(repo)
    folder = shards(sha)
    secret = "hf_" + "a" * 34
    (folder / f"gate-shard-{secret}-of-{'x' * 100}.json").write_text("{")
    gates = job.root / "gates"
    assert job.step("judge", f"{REPO}@{sha}", folder, "--gates", gates) == 2
    event = next(ledger.entries(repo.hub, REPO, repo.refs())).event
    assert "is not valid JSON" in event.reason or "is not a shard" in event.reason
    assert secret not in event.reason
    assert str(job.root) not in event.reason


def test_gates_that_are_not_there_leave_nothing_in_the_ledger(repo, job, shards):
    sha = pull_request(repo)
    assert job.step("judge", f"{REPO}@{sha}", shards(sha), "--gates", job.root / "elsewhere") == 2
    assert repo.titles() == []


@pytest.mark.parametrize(
    ("remote", "ours"),
    [
        ("https://github.example.org/acme/router-training", True),
        ("https://github.example.org/acme/router-training.git", True),
        ("https://GitHub.example.org/Acme/Router-Training/", True),
        ("git@github.example.org:acme/router-training.git", True),
        ("ssh://git@github.example.org/acme/router-training", True),
        ("ssh://git@github.example.org:22/acme/router-training.git", True),
        ("https://github.example.com/acme/router-training", False),
        ("https://evil.example/github.example.org/acme/router-training", False),
        ("https://github.example.org/acme/router", False),
        ("https://github.example.org@evil.example/acme/router-training", False),
        ("router-training", False),
        ("", False),
    ],
)
def test_whose_repository_an_address_is(remote, ours):
    github = GithubSettings(server_url="https://github.example.org", repository="acme/router-training")
    assert is_repository(remote, github) is ours
    assert is_repository(remote, GithubSettings()) is False
