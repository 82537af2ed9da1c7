"""The flow from a candidate to production, run from its YAML, on a Hub and a GitHub of this machine."""

from __future__ import annotations


def results(run):
    return {name.removeprefix("release / "): job.result for name, job in run.jobs.items()}


def held(job):
    """What a job's token may do."""
    return {scope: level for scope, level in job.permissions.items() if level != "none"}


def gate_comment(line):
    [comment] = [text for text in line.comments() if "hubver:gate" in text]
    return comment


def test_a_good_candidate_reaches_production_without_a_stored_token(lay):
    line = lay(keyless=True)
    candidate = line.proposed("good")
    run = line.dispatch(candidate.sha, version=candidate.tag).wait()
    assert results(run) == {
        "gates": "skipped",
        "find": "success",
        "v1.1.0-rc.1 / gate / plan": "success",
        "v1.1.0-rc.1 / gate / shard 1/1": "success",
        "v1.1.0-rc.1 / gate / verdict": "success",
        "v1.1.0-rc.1 / promote / promote": "success",
        "v1.1.0-rc.1 / promote / smoke": "success",
        "v1.1.0-rc.1 / promote / rollback": "skipped",
    }, "\n".join(job.log for job in run.jobs.values())
    assert line.production() == candidate.sha
    # The Hub gave a token to the two jobs that write, and to no other.
    gate, promotion = "release / v1.1.0-rc.1 / gate", "release / v1.1.0-rc.1 / promote"
    assert {name for name, _ in line.forge.id_tokens.asked} == {f"{gate} / verdict", f"{promotion} / promote"}
    writing = {name for name, job in run.jobs.items() if job.permissions.get("id-token") == "write"}
    assert writing == {f"{gate} / verdict", f"{promotion} / promote"}
    assert "hf_jwt_" not in "".join(job.log + job.summary for job in run.jobs.values())
    assert held(run.jobs[f"{gate} / shard 1/1"]) == {"contents": "read"}
    assert run.jobs[f"{gate} / verdict"].outputs == {"outcome": "pass", "passed": "true"}
    assert "PASS" in run.jobs[f"{gate} / verdict"].summary
    assert "gate-report.html" in run.artifacts.files(f"hubver-report-{candidate.sha}")
    # One comment, kept up to date: the promotion took the verdict's place, and holds it.
    comment = gate_comment(line)
    assert "is in production" in comment
    assert "PASS" in comment
    [(_, status)] = line.github.kept.statuses
    assert (status["state"], status["context"]) == ("success", "hubver/gate acme/router")
    # Asked again, nothing is judged twice.
    again = line.dispatch(candidate.sha).wait()
    assert results(again) == {"gates": "skipped", "find": "success", "candidate": "skipped"}


def test_a_bad_candidate_is_refused_and_the_comment_says_why(lay):
    line = lay()
    before, candidate = line.production(), line.proposed("bad")
    run = line.dispatch(candidate.sha).wait()
    assert results(run) == {
        "gates": "skipped",
        "find": "success",
        "v1.1.0-rc.1 / gate / plan": "success",
        "v1.1.0-rc.1 / gate / shard 1/1": "success",
        "v1.1.0-rc.1 / gate / verdict": "failure",
        "v1.1.0-rc.1 / promote": "skipped",
    }
    assert line.production() == before
    assert "FAIL" in gate_comment(line)
    assert "is below the floor 0.5" in gate_comment(line)
    [(_, status)] = line.github.kept.statuses
    assert status["state"] == "failure"
    # It has its verdict, so the clock finds nothing to do.
    [later] = line.forge.schedule(line.project, line.cron)
    assert results(later.wait()) == {"gates": "skipped", "find": "success", "candidate": "skipped"}


def test_what_the_clock_finds_and_few_examples_cannot_decide_does_not_pass(lay):
    line = lay(rows=4)
    before = line.production()
    line.proposed("good")
    line.github.down = True
    [run] = line.forge.schedule(line.project, line.cron)
    run.wait()
    verdict = run.jobs["release / v1.1.0-rc.1 / gate / verdict"]
    assert (verdict.result, verdict.outputs) == ("failure", {"outcome": "inconclusive", "passed": "false"})
    assert line.production() == before
    assert "more examples would decide" in gate_comment(line)
    # GitHub could not be told: that is a warning, and no more.
    assert "It is not said on the commit" in str([note for note in verdict.annotations if note.level == "warning"])
