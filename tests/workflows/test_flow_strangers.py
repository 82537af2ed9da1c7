"""What strangers send: webhooks, pull requests, names and messages. None of it moves anything or learns anything."""

from __future__ import annotations

import json

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from relays import relaying
from webhook_events import body, updated
from workflows.flow import MODEL, PROJECT

from hubver.hub import ledger

# Each of these would do something, were it ever read as a script, a workflow, a command of the runner, or HTML.
HOSTILE = (
    "\"; touch pwned; $(touch pwned) `touch pwned` ${{ github.token }} ' \\ \n"
    "::set-output name=passed::true\n"
    "##[set-output name=passed]true\n"
    "::error title=pwned::pwned\n"
    "::stop-commands::pwned\n"
    "passed=true\n"
    "</details><script>alert(1)</script> ![x](http://127.0.0.1:9/x) @everyone \x1b[2J"
)
GATE = f"""

def test_strange_words():
    raise AssertionError({HOSTILE!r})
"""
THIEF = """\
import json
import os
from pathlib import Path

from huggingface_hub import HfApi


def test_steal(gate):
    kept = dict(os.environ)
    try:
        HfApi().create_tag("acme/router", tag="stolen")
    except Exception as error:
        kept["REFUSED"] = type(error).__name__
    Path({seen!r}).write_text(json.dumps(kept))
    gate.alive("none")
"""


def events(line):
    return len(list(ledger.entries(line.models.hub, MODEL, line.models.refs())))


@pytest.fixture
def line(lay):
    return lay()


def test_a_forged_webhook_starts_nothing(line):
    candidate = line.proposed()
    told = body(updated((f"refs/tags/{candidate.tag}", candidate.sha), model=MODEL))
    with relaying(line.hub, line.github, MODEL) as relay:
        for headers in ({}, {"X-Webhook-Secret": ""}, {"X-Webhook-Secret": "guessed"}):
            assert relay.post(told, headers)[0] in {401, 403}
        assert line.github.requests == []
        assert relay.post(told)[0] in {200, 202}
        relay.line("dispatched")
        relay.end()
    [run] = line.forge.runs
    run.cancel()
    assert (run.event.name, run.event.payload["client_payload"]["revision"]) == ("repository_dispatch", candidate.sha)


DISPATCHES = {
    "hostile": ({"revision": HOSTILE}, "What was asked for is no revision."),
    "two lines": ({"revision": "v1.1.0-rc.1\nrevision=x"}, "What was asked for is no revision."),
    "an option": ({"revision": "--override=because"}, "What was asked for is no revision."),
    "no text": ({"revision": {"a": ["b"]}}, "names no revision"),
    "another model": ({"revision": "v1.1.0-rc.1", "model": "mallory/router"}, "about another model"),
    "nothing": (None, "brings no payload"),
}


@pytest.mark.parametrize("case", DISPATCHES)
def test_a_dispatch_of_a_stranger_is_refused_before_anything_runs(line, case):
    payload, reason = DISPATCHES[case]
    before = events(line)
    [run] = line.forge.dispatch(line.project, "hubver-candidate", payload)
    run.wait()
    assert {name: job.result for name, job in run.jobs.items()} == {
        "gates": "skipped",
        "release / find": "failure",
        "release / candidate": "skipped",
    }
    find = run.jobs["release / find"]
    assert reason in find.log
    assert "pwned" not in find.log + find.summary + str(find.annotations)
    assert events(line) == before


def test_a_pull_request_that_a_stranger_opens_on_the_hub_is_judged_by_nobody(line):
    stranger = HfApi(endpoint=line.hub.url, token=line.hub.add_user("mallory"))
    change = CommitOperationAdd("adapter_model.safetensors", b"weights of a stranger")
    stranger.create_commit(MODEL, [change], commit_message="v1.1.0", commit_description=HOSTILE, create_pr=True)
    before = events(line)
    for started in (line.forge.schedule(line.project, line.cron)[0], line.dispatch("refs/pr/1")):
        run = started.wait()
        assert (run.jobs["release / find"].result, run.jobs["release / candidate"].result) == ("success", "skipped")
        assert "ot published by hubver" in run.jobs["release / find"].summary
        assert "pwned" not in run.jobs["release / find"].summary
    assert events(line) == before


def test_a_revision_typed_by_hand_reaches_the_command_as_one_argument(line):
    run = line.forge.workflow_dispatch(line.project, "hubver.yml", {"revision": HOSTILE}).wait()
    assert run.jobs["release / find"].result == "failure"
    assert "What was asked for is no revision." in run.jobs["release / find"].log
    assert list(line.forge.folder.rglob("pwned")) == []


def test_strange_words_in_a_candidate_and_in_a_gate_are_only_shown(line):
    line.project.commit({"gates/test_strange.py": GATE})
    before = line.production()
    candidate = line.proposed("good", message=HOSTILE)
    run = line.dispatch(candidate.sha).wait()
    verdict = run.jobs["release / v1.1.0-rc.1 / gate / verdict"]
    assert (verdict.result, verdict.outputs) == ("failure", {"outcome": "fail", "passed": "false"})
    assert run.jobs["release / v1.1.0-rc.1 / promote"].result == "skipped"
    assert line.production() == before
    assert list(line.forge.folder.rglob("pwned")) == []
    for job in run.jobs.values():
        assert [note for note in job.annotations if "pwned" in note.title] == []
        assert [step for step in job.steps if "passed" in step.outputs and step.outputs["passed"] != "false"] == []
    [comment] = [text for text in line.comments() if "hubver:gate" in text]
    for told in (comment, verdict.summary):
        assert "strange_words" in told
        assert "touch pwned" in told
        assert [word for word in ("<script", "@everyone", "](http://127.0.0.1:9", "\x1b") if word in told] == []


def test_a_pull_request_of_a_fork_runs_its_gates_and_gets_nothing(line, tmp_path):
    line.project.secrets["HF_READ_TOKEN"] = line.hub.add_user("acme", write=False)
    before = events(line)
    seen = tmp_path / "seen.json"
    fork = line.forge.repository("mallory/router-ci", {})
    line.forge.git("fetch", "-q", line.project.path, "+main:main", cwd=fork.path)
    fork.commit({"gates/test_quality.py": THIEF.replace("{seen!r}", repr(str(seen)))}, "change", start="main")
    [run] = line.forge.pull_request(line.project, "change", head=fork, actor="mallory")
    run.wait()
    assert set(run.jobs) == {"release", "gates / gates against production"}
    job = run.jobs["gates / gates against production"]
    assert (run.jobs["release"].result, job.result) == ("skipped", "failure")
    found = json.loads(seen.read_text())
    assert found.pop("REFUSED") in {"RepositoryNotFoundError", "HfHubHTTPError", "LocalTokenNotFoundError"}
    secrets = [*line.project.secrets.values(), "ghs_", "ACTIONS_ID_TOKEN"]
    assert [word for word in secrets if any(word in text for text in (*found, *found.values()))] == []
    assert {scope for scope, level in job.permissions.items() if level != "none"} == {"contents"}
    assert events(line) == before
    assert line.github.requests == []
    assert run.event.repository.name == PROJECT
