"""The callback in every kind of trainer: recorded, set aside, published, whatever the trainer deletes meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiny_trainers
from filelock import FileLock

from hubver.callback import HubverCallback
from hubver.checkpoints.pending import finish
from hubver.checkpoints.spool import Spool
from hubver.errors import BadInput
from hubver.localhub.faults import Answer, Delay
from hubver.record.draft import read

pytestmark = [
    pytest.mark.slow,
    # Trainers walk through torch, transformers, peft, datasets and trl, whose warnings are theirs to mend.
    pytest.mark.filterwarnings("ignore"),
]

COMMIT = "/api/models/acme/router/commit/*"


@pytest.fixture
def on_hub(repo, local_hub, monkeypatch):
    """The embedded Hub as this process's own."""
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    return repo


def steps(waiting) -> list[int]:
    return [one.entry.step for one in waiting if one.entry.kind == "checkpoint"]


def titles(repo, run_id: str) -> list[str]:
    """The steps that are on the run's branch, oldest first."""
    commits = repo.hub.commits(repo.repo_id, f"runs/{run_id}", limit=100)
    prefix = f"{run_id}-checkpoint-"
    return [commit.title.removeprefix(prefix) for commit in reversed(commits) if commit.title.startswith(prefix)]


def script(kind: str, output: Path, env: dict[str, str], arguments: dict, options: dict, *launcher: str, **popen):
    """A training in a process of its own."""
    file = str(Path(tiny_trainers.__file__))
    command = [sys.executable, *launcher, file, kind, str(output), json.dumps(arguments), json.dumps(options)]
    return subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **popen
    )


@pytest.mark.parametrize("kind", tiny_trainers.KINDS)
def test_every_trainer_s_checkpoints_can_be_published(kind, tmp_path, repo):
    output = tmp_path / "out"
    tiny_trainers.trainer(kind, output, HubverCallback(checkpoints="all")).train()
    record = read(output).record
    assert record.training.trainer_class.endswith("Trainer")
    assert (record.training.steps, record.training.effective_batch_size) == (4, 4)
    assert record.training.finished is not None
    assert not {"data", "base_model.weights_sha256"} & {gap.field for gap in record.gaps}
    assert steps(Spool(output).waiting()) == [2, 4]
    assert [folder.name for folder in output.glob("checkpoint-*")] == ["checkpoint-4"]
    outcomes = list(finish(output, repo.repo_id, settings=repo.settings))
    assert [outcome.failure for outcome in outcomes] == [None, None]
    assert titles(repo, record.run_id) == ["2", "4"]
    published = json.loads(repo.hub.read(repo.repo_id, outcomes[0].sha, "hubver.json"))
    assert published["weights"]["kind"] == ("adapter" if kind.endswith("lora") else "full")
    assert published["training"]["steps"] == 2
    assert published["training"]["checkpoint"] == {
        "of_run": record.run_id,
        "step": 2,
        "epoch": published["training"]["epochs"],
        "best": None,
    }


def test_a_run_publishes_its_checkpoints_then_its_end_and_tags_the_best(tmp_path, on_hub, capfd):
    callback = HubverCallback("acme/router", checkpoints="all", version="v1.0.0")
    evaluating = {"eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "loss"}
    tiny_trainers.trainer("plain", tmp_path / "out", callback, max_steps=6, **evaluating).train()
    assert callback.failure is None
    run_id = callback.published.run_id
    assert titles(on_hub, run_id) == ["2", "4", "6"]
    refs = on_hub.refs()
    assert set(refs.branches) == {"main", "ledger", f"runs/{run_id}"}
    assert set(refs.tags) == {"v1.0.0", f"runs/{run_id}/best"}
    assert refs.main == refs.tags["v1.0.0"] == callback.published.sha
    best = json.loads(on_hub.hub.read(on_hub.repo_id, refs.tags[f"runs/{run_id}/best"], "hubver.json"))
    assert best["training"]["checkpoint"]["best"] is True
    assert best["metrics"][0]["name"] == "eval_loss"
    assert Spool(tmp_path / "out").waiting() == []
    told = capfd.readouterr().err
    for step in (2, 4, 6):
        assert f"hubver: checkpoint-{step} is on the Hub: " in told


def test_training_does_not_wait_for_a_hub_that_does_not_answer(tmp_path, on_hub, local_hub):
    """All steps are done while the first upload still hangs; then newest wins, and the best is not lost."""
    ended = threading.Event()
    local_hub.faults.add("POST", COMMIT, Delay(3600))
    callback = HubverCallback("acme/router", checkpoints="newest", wait=0.0)
    trainer = tiny_trainers.trainer("plain", tmp_path / "out", callback, max_steps=8)
    train_end = callback.on_train_end

    def at_end(*arguments, **values):
        ended.set()
        local_hub.faults.clear()
        return train_end(*arguments, **values)

    callback.on_train_end = at_end
    trainer.train()
    assert ended.is_set()
    assert callback.failure is None
    left = steps(Spool(tmp_path / "out").waiting())
    assert left[-1:] == [8]
    outcomes = list(finish(tmp_path / "out", settings=on_hub.settings))
    assert [(outcome.step, outcome.failure) for outcome in outcomes] == [(8, None)]


def test_an_outage_leaves_all_of_it_for_push_pending(tmp_path, on_hub, local_hub, capfd):
    output = tmp_path / "out"
    local_hub.faults.add("*", "*", Answer(503), times=None)
    callback = HubverCallback("acme/router", checkpoints="all")
    tiny_trainers.trainer("sft-lora", output, callback).train()
    assert callback.failure is not None
    assert f"hubver push --pending {output}" in capfd.readouterr().err
    assert [waiting.entry.kind for waiting in Spool(output).waiting()] == ["checkpoint", "checkpoint", "final"]
    local_hub.faults.clear()
    outcomes = list(finish(output, settings=on_hub.settings))
    assert [(outcome.name, outcome.failure) for outcome in outcomes] == [
        ("checkpoint-2", None),
        ("checkpoint-4", None),
        ("end of the run", None),
    ]
    run_id = read(output).record.run_id
    assert titles(on_hub, run_id) == ["2", "4"]
    assert set(on_hub.refs().tags) == {"v1.0.0"}


def test_a_killed_run_is_finished_by_push_pending_and_a_resumed_one_goes_on_with_its_id(tmp_path, on_hub, local_hub):
    """Killed in the midst of the first upload, the training and the process that publishes."""
    output = tmp_path / "out"
    local_hub.faults.add("POST", COMMIT, Delay(3600), times=None)
    options = {"push_to": "acme/router", "checkpoints": "all"}
    training = script("plain", output, {}, {"max_steps": 100000, "save_steps": 200}, options)
    while len(Spool(output).waiting()) < 2 or Spool(output).publisher() is None:
        assert training.poll() is None, training.communicate()[0]
        signal.sigtimedwait([], 0.05)
    os.kill(Spool(output).publisher(), signal.SIGKILL)
    training.send_signal(signal.SIGKILL)
    training.wait()
    while (again := Spool(output).publisher()) and Path(f"/proc/{again}").exists():
        # The training may have started another one in between.
        os.kill(again, signal.SIGKILL)
        signal.sigtimedwait([], 0.05)
    local_hub.faults.clear()
    run_id = read(output).record.run_id
    waiting = steps(Spool(output).waiting())
    outcomes = list(finish(output, settings=on_hub.settings))
    assert all(outcome.failure is None for outcome in outcomes)
    published = titles(on_hub, run_id)
    assert set(map(str, waiting)) <= set(published)
    assert len(set(published)) == len(published)
    last = max(int(folder.name.split("-")[1]) for folder in output.glob("checkpoint-*"))
    callback = HubverCallback("acme/router", checkpoints="all")
    resumed = tiny_trainers.trainer("plain", output, callback, max_steps=last + 2)
    resumed.train(resume_from_checkpoint=True)
    assert callback.failure is None
    assert callback.published.run_id == run_id
    assert titles(on_hub, run_id)[-1] == str(last + 2)
    assert len(titles(on_hub, run_id)) == len(set(titles(on_hub, run_id)))


def test_a_run_into_a_folder_that_another_run_uses_publishes_nothing(tmp_path, on_hub, caplog):
    output = tmp_path / "out"
    output.mkdir()
    callback = HubverCallback("acme/router", checkpoints="all")
    with FileLock(output / ".hubver-run.lock"):
        tiny_trainers.trainer("plain", output, callback).train()
    assert "Another run is recording into" in caplog.text
    assert (callback.published, callback.failure) == (None, None)
    assert Spool(output).waiting() == []
    assert set(on_hub.refs().branches) == {"main"}


def test_only_one_of_the_processes_of_a_run_publishes(tmp_path, on_hub):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    options = {"push_to": "acme/router", "checkpoints": "all"}
    training = script("plain", tmp_path / "out", {}, {"ddp_backend": "gloo"}, options, *launcher)
    text, _ = training.communicate()
    assert training.returncode == 0, text
    record = read(tmp_path / "out").record
    assert (record.training.world_size, record.training.effective_batch_size) == (2, 8)
    assert titles(on_hub, record.run_id) == ["2", "4"]
    assert set(on_hub.refs().tags) == {"v1.0.0"}
    assert on_hub.titles() == ["publish v1.0.0"]


def test_a_run_that_is_interrupted_leaves_its_checkpoints_published(tmp_path, on_hub):
    """Nobody waits for them: the process that publishes ends by itself when the training is gone."""
    output = tmp_path / "out"
    options = {"push_to": "acme/router", "checkpoints": "all"}
    training = script("plain", output, {}, {"max_steps": 100000, "save_steps": 200}, options, start_new_session=True)
    while not Spool(output).waiting():
        assert training.poll() is None, training.communicate()[0]
        signal.sigtimedwait([], 0.05)
    os.killpg(training.pid, signal.SIGINT)
    training.communicate(timeout=120)  # what it still has to say must have somewhere to go
    list(finish(output, settings=on_hub.settings))
    assert Spool(output).waiting() == []
    assert len(titles(on_hub, read(output).record.run_id)) >= 1


def test_a_choice_that_does_not_exist_is_said_at_once():
    with pytest.raises(BadInput, match="newest or all"):
        HubverCallback(checkpoints="some")


def test_the_guide_s_training_and_its_command(tmp_path, on_hub, monkeypatch):
    from datasets import Dataset
    from test_docs import ROOT, blocks

    page = ROOT / "docs" / "guide" / "training.md"
    monkeypatch.chdir(tmp_path)
    (snippet,) = blocks(page, "python")
    # As on a machine without an accelerator.
    snippet = snippet.replace("SFTConfig(output", "SFTConfig(use_cpu=True, bf16=False, output")
    given = {
        "model": tiny_trainers.model("sft", 16),
        "rows": Dataset.from_list(tiny_trainers.rows("sft")),
        "tokenizer": tiny_trainers.tokenizer(),
    }
    exec(compile(snippet, str(page), "exec"), given)
    (callback,) = [one for one in given["trainer"].callback_handler.callbacks if isinstance(one, HubverCallback)]
    assert callback.failure is None
    assert len(titles(on_hub, callback.published.run_id)) == 2
    (command,) = [line[2:] for body in blocks(page, "console") for line in body.splitlines()]
    done = subprocess.run([sys.executable, "-m", *command.split()], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Nothing waits in out.")
