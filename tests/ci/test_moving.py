"""`hubver ci promote` and `rollback`: what a job says, and what it finds when it is run again."""

from __future__ import annotations

import json

import pytest
from job_files import said
from loopback_github import Reply

from hubver.ci import moving, rest
from hubver.gates_folder import gates_digest
from hubver.hub import ledger, reading
from hubver.hub.events import Promoted, RolledBack
from hubver.localhub import Answer, Drop

REPO = "acme/router"
RUN = "https://github.example.org/acme/router-training/actions/runs/7"
MARKER = "<!-- hubver:gate -->"


def comments(repo, number=1) -> list[str]:
    """The comment that is kept up to date; a merge leaves one of its own."""
    return [one.text for one in repo.hub.comments(REPO, number) if one.text.startswith(MARKER)]


def changes(repo) -> list[str]:
    events = (entry.event for entry in ledger.entries(repo.hub, REPO, repo.refs()))
    return [event.kind for event in events if isinstance(event, Promoted | RolledBack)]


@pytest.fixture
def judged(repo, job):
    """v1.0.0 in production by another run, and v1.1.0-rc.1 of pull request 1 with a passing verdict."""
    by = {"gates_digest": gates_digest(job.root / "gates"), "tasks_digest": job.settings().tasks_digest}
    first = repo.version("v1.0.0")
    repo.judge(first, baseline=None, **by)
    job.monkeypatch.setenv("GITHUB_RUN_ID", "1")
    assert job.step("promote", f"{REPO}@{first}") == 0
    job.monkeypatch.setenv("GITHUB_RUN_ID", "7")
    sha = repo.commit("candidate", pull_request=True)
    repo.hub.create_tag(REPO, "v1.1.0-rc.1", sha)
    repo.judge(sha, **by)
    return first, sha


def test_a_promotion_is_said_everywhere(repo, job, judged, local_hub):
    first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs == {
        "promoted": "true",
        "version": "v1.1.0",
        "sha": sha,
        "model": REPO,
        "previous": "v1.0.0",
        "previous-sha": first,
        "rollback-tag": "rollback/1-v1.0.0",
        "url": f"{local_hub.url}/{REPO}/tree/{sha}",
    }
    assert repo.refs().branches["production"] == sha
    assert job.summary.startswith(f"### 🚀 [v1.1.0]({local_hub.url}/{REPO}/tree/{sha}) is in production\n")
    assert "It replaced v1.0.0, kept as `rollback/1-v1.0.0`." in job.summary
    (comment,) = comments(repo)
    assert comment.startswith(f"{MARKER}\n### 🚀 [v1.1.0]")
    assert f"[The run]({RUN})" in comment
    assert comment.rstrip().endswith("# evidence")  # the report of the verdict that let it in
    assert job.github.asked == []


def test_a_repeated_job_finds_its_own_promotion(repo, job, judged):
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    before = job.outputs
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs == before
    assert changes(repo) == ["promote", "promote"]
    assert len(comments(repo)) == 1


def test_what_another_run_promoted_is_not_this_runs_to_roll_back(repo, job, judged):
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    job.monkeypatch.setenv("GITHUB_RUN_ID", "8")
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert (job.outputs["promoted"], job.outputs["sha"], job.outputs["previous"]) == ("false", sha, "")
    assert "It was there before this run." in job.summary
    assert "It replaced v1.0.0" in comments(repo)[0]


def test_outside_of_a_run_nothing_is_ones_own(job, judged):
    _first, sha = judged
    for name in ("GITHUB_RUN_ID", "GITHUB_ACTIONS"):
        job.monkeypatch.delenv(name)
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs["promoted"] == "false"
    assert "was in production already" in job.said[0]


def test_a_promotion_that_is_refused_says_why_and_what_next(repo, job, judged):
    sha = repo.version("v1.2.0")
    assert job.step("promote", f"{REPO}@{sha}") == 1
    assert job.outputs == {"promoted": "false"}
    assert job.summary.startswith(f"### ⛔ acme/router&#64;{sha} was not promoted\n\nThere is no verdict on v1.2.0")
    assert f"**Next:** Judge it with: hubver gate acme/router&#64;{sha}" in job.summary
    assert said(job.said[1], "error").startswith("There is no verdict on v1.2.0")
    assert repo.refs().branches["production"] == judged[0]


def test_an_override_is_the_ledgers(repo, job, judged):
    sha = repo.version("v1.2.0")
    assert job.step("promote", f"{REPO}@{sha}", "--override", "`$(id)`\n::set-output name=promoted::x") == 0
    assert job.outputs["promoted"] == "true"
    event = next(ledger.entries(repo.hub, REPO, repo.refs())).event
    assert event.override.startswith("`$(id)`")


@pytest.mark.usefixtures("hasty")
def test_a_hub_that_is_down_promotes_nothing_and_says_so(repo, job, judged, local_hub):
    _first, sha = judged
    local_hub.faults.add("POST", "*/git-receive-pack", Answer(503), times=None)
    assert job.step("promote", f"{REPO}@{sha}") == 3
    assert job.outputs == {"promoted": "false"}
    local_hub.faults.clear()
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs["promoted"] == "true"


class LostAndDown:
    """A push that arrives, and after which nobody gets an answer for a while."""

    def __init__(self, local_hub, times: int | None) -> None:
        self.faults, self.times = local_hub.faults, times

    async def apply(self, app, scope, receive, send):
        self.faults.clear()
        self.faults.add("*", "*", Answer(503), times=self.times)
        await Drop("after").apply(app, scope, receive, send)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(moving, "_PAUSES_S", (0.001,) * 8)
    monkeypatch.setattr(reading, "_TRIES", 1)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("to", ["production", "live"])
def test_a_promotion_whose_answer_is_lost_is_found_when_the_hub_is_back(repo, job, judged, local_hub, to):
    _first, sha = judged
    if to == "live":
        repo.hub.create_repo("acme/live")
        (job.root / "hubver.toml").write_text('[channels.live]\nrepo = "acme/live"\ngated = false\n')
    local_hub.faults.add("POST", f"*{'live' if to == 'live' else ''}*/git-receive-pack", LostAndDown(local_hub, 6))
    assert job.step("promote", f"{REPO}@{sha}", "--to", to) == 0
    assert "looking in 0.001 s whether it was promoted all the same" in job.said[1]
    assert (job.outputs["promoted"], job.outputs["version"]) == (
        "true",
        "v1.1.0" if to == "production" else "v1.1.0-rc.1",
    )
    assert f"is in {to}" in job.summary


@pytest.mark.usefixtures("hasty")
def test_a_promotion_of_which_nobody_can_tell_is_neither_made_nor_not(repo, job, judged, local_hub):
    _first, sha = judged
    local_hub.faults.add("POST", "*/git-receive-pack", LostAndDown(local_hub, None))
    assert job.step("promote", f"{REPO}@{sha}") == 3
    assert job.outputs == {"promoted": "unknown"}
    assert job.summary.startswith("### ❔ It is not known whether acme/router&#64;")
    assert "**Next:** Run the failed jobs again" in job.summary
    assert "Run the failed jobs again" in said(job.said[1], "error")
    local_hub.faults.clear()
    assert repo.refs().branches["production"] == sha
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs["promoted"] == "true"


def test_a_hub_that_is_down_from_the_start_is_not_waited_for(repo, job, judged, local_hub, monkeypatch):
    monkeypatch.setattr(reading, "_TRIES", 1)
    _first, sha = judged
    local_hub.faults.add("*", "*", Answer(503), times=None)
    assert job.step("promote", f"{REPO}@{sha}") == 3
    assert job.outputs == {"promoted": "unknown"}  # a former attempt may have been the one
    assert "503" in said(job.said[1], "error")
    assert "looking in" not in job.said[1]


@pytest.mark.usefixtures("hasty")
def test_what_another_run_promoted_meanwhile_is_not_taken_for_ours(repo, job, judged, local_hub):
    _first, sha = judged
    other = repo.version("v1.2.0")
    assert job.step("promote", f"{REPO}@{other}", "--override", "by the same run") == 0
    local_hub.faults.add("POST", "*/git-receive-pack", Answer(503), times=None)
    assert job.step("promote", f"{REPO}@{sha}", "--override", "the one before") == 3
    assert job.outputs == {"promoted": "false"}


def test_a_comment_that_fails_leaves_the_promotion(repo, job, judged, local_hub):
    _first, sha = judged
    local_hub.faults.add("POST", "*/comment", Answer(403), times=None)
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs["promoted"] == "true"
    assert said(job.said[1], "warning").startswith("It is not said on the pull request: ")


def test_a_rollback_is_said_everywhere(repo, job, judged, local_hub):
    first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    reason = "smoke: `it` <b>says</b> | @all\n::add-mask::e"
    assert job.step("rollback", REPO, "--from", sha, "--quarantine", "--reason", reason) == 0
    url = f"{local_hub.url}/{REPO}/tree/{first}"
    assert job.outputs == {
        "rolled-back": "true",
        "version": "v1.0.0",
        "sha": first,
        "model": REPO,
        "previous": "v1.1.0",
        "previous-sha": sha,
        "rollback-tag": "rollback/1-v1.0.0",
        "url": url,
    }
    assert f"It replaced v1.1.0 (`{sha}`), which is quarantined." in job.summary
    assert "@all" not in job.summary
    assert "<b>" not in job.summary
    (comment,) = comments(repo)
    assert comment.startswith(f"{MARKER}\n### ↩️ [v1.0.0]({url}) is in production again\n")
    (deployment,) = job.github.deployments
    assert deployment["payload"] == {"model": REPO, "sha": first, "version": "v1.0.0", "run": RUN}
    assert (deployment["environment"], deployment["production_environment"]) == ("production", True)
    ((_, status),) = job.github.deployment_statuses
    assert status.items() >= {"state": "success", "environment_url": url, "log_url": RUN, "auto_inactive": True}.items()


@pytest.mark.parametrize("how", [["--from", "SHA"], ["--to", "v1.0.0"], []], ids=str)
def test_a_repeated_rollback_goes_back_once(repo, job, judged, how):
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    how = [word.replace("SHA", sha) for word in how]
    assert job.step("rollback", REPO, *how) == 0
    before = job.outputs
    assert job.step("rollback", REPO, *how) == 0
    assert job.outputs == before
    assert changes(repo) == ["rollback", "promote", "promote"]
    assert len(job.github.deployments) == 1


def test_another_runs_rollback_is_not_ours(repo, job, judged):
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.step("rollback", REPO, "--from", sha) == 0
    job.monkeypatch.setenv("GITHUB_RUN_ID", "8")
    assert job.step("rollback", REPO, "--from", sha) == 0
    assert job.outputs["rolled-back"] == "false"


def test_a_rollback_leaves_what_somebody_else_promoted_meanwhile(repo, job, judged):
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    other = repo.version("v1.2.0")
    assert job.step("promote", f"{REPO}@{other}", "--override", "in between") == 0
    assert job.step("rollback", REPO, "--from", sha) == 1
    assert job.outputs == {"rolled-back": "false"}
    assert "was not rolled back" in job.summary
    assert repo.refs().branches["production"] == other


def test_a_first_release_has_no_way_back(repo, job):
    sha = repo.version("v1.0.0")
    assert job.step("promote", f"{REPO}@{sha}", "--override", "first") == 0
    assert (job.outputs["promoted"], job.outputs["previous"], job.outputs["rollback-tag"]) == ("true", "", "")
    assert job.step("rollback", REPO, "--from", sha) == 2
    assert job.outputs == {"rolled-back": "false"}
    assert "There is no rollback point" in job.summary
    assert repo.refs().branches["production"] == sha


@pytest.mark.parametrize("status", [403, 500])
def test_a_deployment_that_cannot_be_recorded_is_a_warning(repo, job, judged, status, monkeypatch):
    monkeypatch.setattr(rest, "_TRIES", 1)
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}") == 0
    job.github.replies = [Reply(status, {"message": "no"})]
    assert job.step("rollback", REPO, "--from", sha) == 0
    assert job.outputs["rolled-back"] == "true"
    assert said(job.said[1], "warning").startswith("It is not said as a deployment: ")
    assert "ghs_job" not in "".join(job.said)


def test_a_channel_has_a_comment_and_an_environment_of_its_own(repo, job, judged):
    (job.root / "hubver.toml").write_text("[channels.canary]\ngated = false\n")
    first, sha = judged
    for one in (first, sha):
        assert job.step("promote", f"{REPO}@{one}", "--to", "canary") == 0
    assert (job.outputs["previous"], job.outputs["rollback-tag"]) == ("v1.0.0", "rollback/canary/1-v1.0.0")
    assert "is in canary" in job.summary
    assert comments(repo) == []
    assert repo.hub.comments(REPO, 1)[-1].text.startswith("<!-- hubver:gate canary -->\n### 🚀")
    assert job.step("rollback", REPO, "--from", sha, "--channel", "canary") == 0
    assert repo.refs().branches["canary"] == first
    (deployment,) = job.github.deployments
    assert (deployment["environment"], deployment["production_environment"]) == ("canary", False)


def test_production_in_a_repository_of_its_own(repo, job, judged):
    repo.hub.create_repo("acme/live")
    (job.root / "hubver.toml").write_text('[channels.production]\nrepo = "acme/live"\ngated = false\n')
    first, sha = judged
    assert job.step("promote", f"{REPO}@{first}") == 0
    assert job.step("promote", f"{REPO}@{sha}") == 0
    copy = repo.hub.refs("acme/live").branches["production"]
    assert (job.outputs["model"], job.outputs["sha"], job.outputs["version"]) == ("acme/live", copy, "v1.1.0")
    assert copy != sha
    assert "is in production" in comments(repo)[0]
    before = job.outputs
    assert job.step("promote", f"{REPO}@{sha}") == 0
    assert job.outputs == before
    assert job.step("rollback", REPO, "--from", copy) == 0
    assert (job.outputs["model"], job.outputs["version"], job.outputs["rolled-back"]) == ("acme/live", "v1.0.0", "true")
    assert job.github.deployments[0]["payload"]["model"] == "acme/live"
    assert "is in production again" in comments(repo)[0]


def test_the_results_as_json(job, judged):
    _first, sha = judged
    assert job.step("promote", f"{REPO}@{sha}", "--json") == 0
    assert json.loads(job.said[0])["done"]["release"]["sha"] == sha
    assert job.step("rollback", REPO, "--from", sha, "--json") == 0
    assert json.loads(job.said[0])["ours"] is True
