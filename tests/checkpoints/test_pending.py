from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from hashlib import sha256

import pytest
from click.testing import CliRunner

from hubver.checkpoints.branch import branch_of
from hubver.cli.main import cli
from hubver.errors import BadInput, BadToken, HubUnreachable, NotFound
from hubver.localhub.faults import Answer, Drop

COMMIT = "/api/models/acme/router/commit/*"


def test_each_checkpoint_is_one_commit_on_a_branch_of_the_run_s_own(run):
    main = run.repo.refs().main
    for step in (10, 20):
        run.add(step)
        shutil.rmtree(run.output / f"checkpoint-{step}")
    first, second = run.finish()
    assert run.titles() == ["run-1-checkpoint-20", "run-1-checkpoint-10", "initial commit"]
    refs = run.repo.refs()
    assert (refs.main, dict(refs.tags)) == (main, {})
    assert set(refs.branches) == {"main", "runs/run-1"}
    assert refs.branches["runs/run-1"] == second.sha
    assert run.record(first.sha)["training"]["checkpoint"]["step"] == 10
    record = run.record(second.revision)
    assert (record["run_id"], record["version"]) == ("run-1-checkpoint-20", None)
    assert record["training"]["checkpoint"]["of_run"] == "run-1"
    assert record["base_model"]["sha"] is None or len(record["base_model"]["sha"]) == 40
    stored = run.repo.hub.files(run.repo.repo_id, second.sha)
    weights = next(entry for entry in record["files"] if entry["path"] == "adapter_model.safetensors")
    assert stored["adapter_model.safetensors"].sha256 == weights["sha256"]
    assert {"README.md", "hubver.json", "adapter_config.json"} <= stored.keys()
    assert "optimizer.pt" not in stored
    card = run.repo.hub.read(run.repo.repo_id, second.sha, "README.md").decode()
    assert "This is the checkpoint after step 20 of the run `run-1`" in card
    assert run.finish() == []


def test_a_checkpoint_starts_from_the_version_before_without_its_files(run):
    from hubver.publish import push

    (run.output / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    version = push(run.output, run.repo.repo_id, settings=run.repo.settings)
    run.add(1)
    (sent,) = run.finish()
    assert [commit.sha for commit in run.repo.hub.commits(run.repo.repo_id, run.branch, limit=2)] == [
        sent.sha,
        version.sha,
    ]
    assert "chat_template.jinja" not in run.repo.hub.files(run.repo.repo_id, sent.sha)
    assert run.repo.refs().main == version.sha


def test_the_same_step_again_is_no_second_commit(run):
    run.add(1)
    (first,) = run.finish()
    run.add(1)
    (again,) = run.finish()
    assert (again.already, again.sha) == (True, first.sha)
    assert run.titles() == ["run-1-checkpoint-1", "initial commit"]


def test_two_runs_have_two_branches_and_a_repository_is_made_where_there_is_none(run):
    other = run.another("run-2")
    run.add(1, repo_id="acme/new")
    other.add(1, repo_id="acme/new")
    one, two = run.finish()
    assert {one.repo_id, two.repo_id} == {"acme/new"}
    branches = run.repo.hub.refs("acme/new").branches
    assert branches == {"main": branches["main"], "runs/run-1": one.sha, "runs/run-2": two.sha}


@pytest.mark.parametrize(("keep", "steps"), [("newest", [3]), ("all", [1, 2, 3])])
def test_newest_wins_or_all_are_kept_while_they_wait(run, keep, steps):
    for step in (1, 2, 3):
        run.add(step, keep=keep)
    assert [outcome.step for outcome in run.finish()] == steps
    assert run.spool.waiting() == []


def test_a_newer_checkpoint_of_another_run_replaces_nothing(run):
    run.add(1, keep="newest")
    run.another("run-2").add(2, keep="newest")
    assert [outcome.step for outcome in run.finish()] == [1, 2]


def test_the_best_is_tagged_and_a_tag_never_moves(run):
    run.add(1)
    run.add(2)
    run.add_best(1)
    first, second, best = run.finish()
    assert (best.revision, best.sha) == ("runs/run-1/best", first.sha)
    run.add_best(1)
    run.add_best(2)
    run.finish()
    assert run.repo.refs().tags == {"runs/run-1/best": first.sha, "runs/run-1/best-2": second.sha}
    run.add_best(3)
    (missing,) = run.finish()
    assert isinstance(missing.failure, NotFound)


def test_the_run_s_end_becomes_a_version_after_its_checkpoints(run):
    run.add(1)
    run.add_end(version="v3.0.0", message="the end")
    checkpoint, end = run.finish()
    assert (checkpoint.kind, end.kind, end.revision) == ("checkpoint", "final", "v3.0.0")
    refs = run.repo.refs()
    assert refs.tags == {"v3.0.0": refs.main}
    assert run.record("v3.0.0")["run_id"] == "run-1"


def test_where_a_run_did_not_say_where_to_it_can_be_said(run):
    run.add(1, repo_id=None)
    (asked,) = run.finish()
    assert f"hubver push --pending {run.output} ORG/NAME" in asked.failure.hint
    (done,) = run.finish("acme/elsewhere")
    assert (done.failure, done.repo_id) == (None, "acme/elsewhere")
    run.add(2)
    (refused,) = run.finish("acme/elsewhere")
    assert isinstance(refused.failure, BadInput)


def test_what_can_never_be_published_does_not_stop_the_others(run):
    spoiled = run.add(1)
    (spoiled.folder / "adapter_model.safetensors").write_bytes(b"cut short")
    nameless = run.another("../main").add(2)
    run.add(3)
    changed, unnamed, sent = run.finish()
    assert "written over by a later training" in str(changed.failure)
    assert (unnamed.lasting, "cannot name a branch" in str(unnamed.failure)) == (True, True)
    assert sent.failure is None
    assert [waiting.folder for waiting in run.spool.waiting()] == [spoiled.folder, nameless.folder]
    assert run.finish(but=[str(spoiled.folder), str(nameless.folder)]) == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"token": None}, BadToken),
        ({"token": "hf_wrong"}, BadToken),
        ({"endpoint": "http://127.0.0.1:9"}, HubUnreachable),
    ],
    ids=["no token", "wrong token", "no Hub"],
)
def test_without_the_hub_all_of_it_waits(run, changed, error):
    from hubver.checkpoints.pending import finish

    settings = type(run.repo.settings).model_validate({**run.repo.settings.model_dump(), **changed})
    run.add(1)
    run.add(2)
    (first,) = finish(run.output, settings=settings)
    assert isinstance(first.failure, error)
    assert not first.lasting
    assert len(run.spool.waiting()) == 2
    assert [outcome.failure for outcome in run.finish()] == [None, None]


@pytest.mark.parametrize("fault", [Drop("before"), Drop("after"), Answer(500, when="after"), Answer(503)], ids=repr)
def test_a_commit_whose_answer_is_lost_is_there_once(run, local_hub, fault):
    run.add(1)
    run.add(2)
    local_hub.faults.add("POST", COMMIT, fault)
    run.finish()
    assert all(outcome.failure is None for outcome in run.finish())
    assert run.titles() == ["run-1-checkpoint-2", "run-1-checkpoint-1", "initial commit"]


def test_a_rate_limit_leaves_the_rest_waiting(run, local_hub):
    run.add(1)
    run.add(2)
    local_hub.faults.add("POST", COMMIT, Answer(429, reset=30), times=None)
    (first,) = run.finish()
    assert "limits the rate" in str(first.failure)
    assert not first.lasting
    local_hub.faults.clear()
    assert [outcome.failure for outcome in run.finish()] == [None, None]


def test_two_who_publish_at_once_publish_each_once(run):
    for step in range(4):
        run.add(step)
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.extend(run.finish())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.step for outcome in outcomes) == [0, 1, 2, 3]
    assert len(run.titles()) == 5


def test_what_somebody_commits_to_the_branch_stays(run):
    run.add(1)
    run.finish()
    run.repo.hub.api.upload_file(
        path_or_fileobj=b"note", path_in_repo="NOTES.md", repo_id=run.repo.repo_id, revision=run.branch
    )
    run.add(1)
    run.add(2)
    again, new = run.finish()
    assert (again.already, new.already) == (True, False)
    assert run.titles()[0] == "run-1-checkpoint-2"
    assert "NOTES.md" in run.repo.hub.files(run.repo.repo_id, run.branch)


@pytest.mark.parametrize("run_id", ["", "a b", "a..b", "a/../b", "-a", "a.lock", "a.", "a~1", "a:b", "hubver\n"])
def test_an_id_that_is_no_part_of_a_branch_s_name(run_id):
    with pytest.raises(BadInput):
        branch_of(run_id)


def test_the_command_publishes_what_waits(run, local_hub, push_pending):
    run.add(1)
    run.add_best(1)
    env = {**os.environ, **local_hub.environment()}
    done = push_pending(run.output, env)
    text, _ = done.communicate()
    assert done.returncode == 0, text
    assert "checkpoint-1 is on the Hub: acme/router" in text
    again = push_pending(run.output, env)
    assert again.communicate()[0].strip() == f"Nothing waits in {run.output}."
    run.add(2)
    failing = push_pending(run.output, {**env, "HF_ENDPOINT": "http://127.0.0.1:9"})
    text, _ = failing.communicate()
    assert failing.returncode == 3
    assert "checkpoint-2 of run-1 still waits in" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "option", [["--pr"], ["--version", "1.0.0"], ["--message", "x"], ["--data", "x"], ["--strict"]]
)
def test_an_option_that_would_not_be_heeded_is_refused(tmp_path, option):
    done = CliRunner().invoke(cli, ["push", "--pending", str(tmp_path), *option])
    assert done.exit_code == 2
    assert f"{option[0]} cannot be given with --pending" in done.output


def test_what_waits_and_what_was_published_in_json(run, monkeypatch, local_hub):
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    run.add(1)
    done = CliRunner().invoke(cli, ["push", "--pending", str(run.output), "--json"])
    result = json.loads(done.stdout)
    assert (result["failed"], result["published"][0]["step"]) == (0, 1)
    assert result["published"][0]["revision"] == run.repo.refs().branches[run.branch]


@pytest.mark.slow
def test_a_command_killed_at_random_moments_is_finished_by_the_same_command(run, local_hub, push_pending):
    env = {**os.environ, **local_hub.environment()}
    run.another("whole").add(1, repo_id="acme/whole", megabytes=4)
    began = time.monotonic()
    whole = push_pending(run.output, env)
    text, _ = whole.communicate()
    assert whole.returncode == 0, text
    duration = time.monotonic() - began
    for step in (1, 2, 3):
        run.add(step, megabytes=4)
    run.add_best(2)
    run.add_end()
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    killed = 0
    for _ in range(5):
        victim = push_pending(run.output, env)
        try:
            victim.wait(moments.uniform(duration / 3, duration))
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
        victim.communicate()
        killed += victim.returncode == -signal.SIGKILL
    last = push_pending(run.output, env)
    text, _ = last.communicate()
    assert last.returncode == 0, f"seed {seed}: {text}"
    assert killed >= 1, "the moments came too late to show anything"
    assert run.titles() == [f"run-1-checkpoint-{step}" for step in (3, 2, 1)] + ["initial commit"], f"seed {seed}"
    refs = run.repo.refs()
    assert set(refs.tags) == {"runs/run-1/best", "v1.0.0"}
    assert run.repo.titles() == ["publish v1.0.0"]
    for step, commit in zip((3, 2, 1), run.repo.hub.commits(run.repo.repo_id, run.branch, limit=3), strict=True):
        stored = run.repo.hub.files(run.repo.repo_id, commit.sha)["adapter_model.safetensors"]
        own = (run.output / f"checkpoint-{step}" / "adapter_model.safetensors").read_bytes()
        assert stored.sha256 == sha256(own).hexdigest(), f"seed {seed}"


def test_a_head_that_moves_before_the_commit_is_looked_at_again(run):
    run.add(1)
    run.finish()
    run.add(2)
    moved = []

    def stumble(line: str) -> None:
        if "sending" in line and not moved:
            moved.append(line)
            run.repo.hub.api.upload_file(
                path_or_fileobj=b"note", path_in_repo="NOTES.md", repo_id="acme/router", revision=run.branch
            )

    (done,) = run.finish(progress=stumble)
    assert (done.failure, done.already, len(moved)) == (None, False, 1)
    assert [title for title in run.titles() if title.startswith("run-1")] == [
        "run-1-checkpoint-2",
        "run-1-checkpoint-1",
    ]
    assert "NOTES.md" in run.repo.hub.files(run.repo.repo_id, done.sha)
