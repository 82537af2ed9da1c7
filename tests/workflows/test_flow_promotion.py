"""Promotions, from the YAML that users call to what is on the Hub: who may stop one, and what takes one back."""

from __future__ import annotations

import threading

from workflows.runner import Environment

from hubver.hub import ledger
from hubver.hub.events import Promoted, RolledBack
from hubver.localhub import Answer

SMOKE = "def test_it_answers(candidate):\n    assert not candidate.generate(['hello'], max_new_tokens=4), 'it must be silent'\n"


def moves(line):
    """How often production moved, and how."""
    models = line.models
    entries = ledger.entries(models.hub, models.repo_id, models.refs())
    return [entry.event.kind for entry in entries if isinstance(entry.event, Promoted | RolledBack)]


def errors(run):
    return [note.message for job in run.jobs.values() for note in job.annotations if note.level == "error"]


def test_what_answers_stays(lay):
    line = lay()
    candidate = line.passed()
    run = line.promotion(candidate.sha, smoke="true").wait()
    assert {name: job.result for name, job in run.jobs.items()} == {
        "release / promote": "success",
        "release / smoke": "success",
        "release / rollback": "skipped",
    }, run.jobs["release / smoke"].log
    assert line.production() == candidate.sha
    promoted = run.jobs["release / promote"]
    assert (promoted.environment, promoted.environment_url) == (
        "production",
        f"{line.hub.url}/acme/router/tree/{candidate.sha}",
    )
    # What loads a model holds nothing that could write.
    smoke = run.jobs["release / smoke"]
    assert {scope for scope, level in smoke.permissions.items() if level != "none"} == {"contents"}


def test_what_does_not_answer_as_it_should_is_taken_back(lay):
    line = lay()
    line.project.commit({"smoke/test_smoke.py": SMOKE})
    before, candidate = line.production(), line.passed()
    run = line.promotion(candidate.sha, smoke="true").wait()
    assert {name: job.result for name, job in run.jobs.items()} == {
        "release / promote": "success",
        "release / smoke": "failure",
        "release / rollback": "success",
    }
    assert "it must be silent" in run.jobs["release / smoke"].log
    assert line.production() == before
    assert moves(line) == ["rollback", "promote", "promote"]
    assert "is in production again" in line.comments()[-1]
    [(_, deployed)] = line.github.kept.deployments
    assert (deployed["environment"], deployed["payload"]["version"]) == ("production", "v1.0.0")
    # And it cannot come back by itself.
    assert "quarantined" in str(errors(line.promotion(candidate.sha).wait()))


def test_what_nobody_could_ask_is_not_taken_back(lay):
    line = lay()
    line.hub.faults.add("*", "/acme/router/resolve/*/adapter_model.safetensors", Answer(403), times=None)
    candidate = line.passed()
    run = line.promotion(candidate.sha, smoke="true").wait()
    assert {name: job.result for name, job in run.jobs.items()} == {
        "release / promote": "success",
        "release / smoke": "failure",
        "release / rollback": "skipped",
    }, run.jobs["release / smoke"].log
    assert "exit code 3" in run.jobs["release / smoke"].log
    assert (line.production(), moves(line)) == (candidate.sha, ["promote", "promote"])


def test_a_reviewer_refuses_and_nothing_is_rolled_back(lay):
    line = lay()
    asked = []
    review = lambda review: asked.append(review.job)  # noqa: E731 - answers None: no
    line.project.environments["production"] = Environment(review=review)
    before, candidate = line.production(), line.passed()
    run = line.promotion(candidate.sha, smoke="true").wait()
    assert asked == ["release / promote"]
    assert {name: job.result for name, job in run.jobs.items()} == {
        "release / promote": "failure",
        "release / smoke": "skipped",
        "release / rollback": "skipped",
    }
    assert (line.production(), moves(line)) == (before, ["promote"])


def test_two_at_once_come_one_after_the_other_and_none_is_dropped(lay):
    line = lay()
    everybody_waits = threading.Event()
    review = lambda _: everybody_waits.wait(300)  # noqa: E731
    line.project.environments["production"] = Environment(review=review)
    first, second = line.passed("good"), line.passed("bad", version="v1.2.0")
    runs = [line.promotion(first.sha).until("waiting")]
    runs += [line.promotion(revision).until("pending") for revision in (second.sha, first.sha)]
    everybody_waits.set()
    assert [run.wait().result for run in runs] == ["success", "failure", "success"]
    assert line.production() == first.sha
    assert moves(line) == ["promote", "promote"]
    # The second was judged against what is no longer there.
    assert "v1.1.0 is in production now" in str(errors(runs[1]))
    assert [run.jobs["release / promote"].outputs["promoted"] for run in runs] == ["true", "false", "false"]


def test_a_token_that_may_only_read_moves_nothing(lay):
    line = lay()
    reader = line.hub.add_user("acme", write=False)
    line.project.secrets["HF_TOKEN"] = reader
    before, candidate = line.production(), line.passed()
    run = line.promotion(candidate.sha, smoke="true").wait()
    assert [job.result for job in run.jobs.values()] == ["failure", "skipped", "skipped"]
    assert (line.production(), moves(line)) == (before, ["promote"])
    assert "token" in str(errors(run))
    assert reader not in run.jobs["release / promote"].log + run.jobs["release / promote"].summary


def test_a_hub_that_is_down_is_told_and_a_second_run_goes_on(lay):
    line = lay()

    def down(_):
        line.hub.faults.add("*", "*", Answer(503), times=None)
        return True

    line.project.environments["production"] = Environment(review=down)
    before, candidate = line.production(), line.passed()
    run = line.promotion(candidate.sha, smoke="true").wait()
    line.hub.faults.clear()
    assert [job.result for job in run.jobs.values()] == ["failure", "skipped", "skipped"]
    assert (line.production(), moves(line)) == (before, ["promote"])
    assert "503" in str(errors(run))
    line.project.environments.clear()
    assert line.promotion(candidate.sha).wait().result == "success"
    assert (line.production(), moves(line)) == (candidate.sha, ["promote", "promote"])
