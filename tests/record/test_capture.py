from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from hubver.errors import BadDocument, BadInput, HubUnreachable, NotFound
from hubver.record import draft
from hubver.record.schema import Base, Checkpoint, Code, Gap, RunRecord, Tokenizer, Training

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def gaps(record) -> set[str]:
    return {gap.field for gap in record.gaps}


def leave(folder, **parts) -> RunRecord:
    record = RunRecord(run_id="run-1", created=NOW, **parts)
    draft.write(folder, draft.Draft(record, None))
    return record


def test_a_folder_without_a_draft(adapter, complete):
    taken = complete(adapter)
    record = taken.record
    assert (
        set(taken.files) == {"adapter_config.json", "adapter_model.safetensors"} == {item.path for item in record.files}
    )
    assert (record.base_model.id, record.base_model.sha) == ("acme/base", "b" * 40)
    assert (record.weights.parameters, record.weights.lora.ranks, record.weights.lora.alpha) == (256, (8,), 16)
    assert record.weights.lora.targets == ("q_proj",)
    assert record.environment.packages["pydantic"]
    assert record.training.peft["r"] == 8
    assert record.created == NOW
    assert gaps(record) >= {
        "base_model.sha",
        "base_model.config_sha256",
        "code",
        "code.sha",
        "data",
        "environment",
        "metrics",
        "tokenizer.files",
        "training.arguments",
        "training.log_history",
        "training.seeds.seed",
    }


def test_what_no_record_tells_is_not_made_up(adapter, complete):
    (adapter / "adapter_config.json").write_text("{}")
    reasons = {gap.field: gap.reason for gap in complete(adapter).record.gaps}
    for field in ("data", "training.arguments", "training.seeds.seed"):
        assert reasons[field] == "this folder holds no hubver-run.json"
    assert reasons["base_model.id"] == "no Hub id of it is known; HubverCallback(base_model=...) can name it"


def commit(folder) -> str:
    """Make a repository of a folder; returns its one commit."""
    (folder / "train.py").write_text("print('train')\n")
    for command in (
        ["init", "-q"],
        ["add", "train.py"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", "-C", folder, *command], check=True)
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_code_is_that_around_the_folder_where_the_user_stands_in_none(adapter, complete, tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    around = commit(project)
    folder = adapter.rename(project / "out")
    assert complete(folder).record.code.sha == around
    here = commit(tmp_path / "cwd")
    assert complete(folder).record.code.sha == here
    assert "code" in gaps(complete(folder).record)


def test_a_clone_of_the_model_s_own_repository_is_not_the_code(adapter, complete):
    commit(adapter)
    record = complete(adapter).record
    assert record.code.sha is None
    assert "code.sha" in gaps(record)


def test_the_digests_are_of_what_travels(adapter, complete):
    taken = complete(adapter)
    for item in taken.record.files:
        content = taken.files[item.path]
        data = content if isinstance(content, bytes) else content.read_bytes()
        assert (item.size, item.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert json.loads(taken.files["adapter_config.json"])["revision"] == "b" * 40


def test_the_same_folder_is_the_same_run_wherever_its_base_has_moved(adapter, complete):
    one = complete(adapter)
    (adapter / "notes.txt").write_text("does not travel")
    other = complete(adapter, resolve_base=lambda _id, _revision: "c" * 40, version="v2.0.0")
    assert one.record.run_id == other.record.run_id
    assert one.record.run_id.startswith("files-")
    assert len(one.record.run_id) == len("files-") + 20
    (adapter / "tokenizer.json").write_text("{}")
    assert complete(adapter).record.run_id != one.record.run_id


def test_a_trainer_state_says_what_it_knows(adapter, complete):
    history = [
        {"step": 1, "loss": float("nan")},
        {"step": 2, "eval_loss": 0.5, "eval_accuracy": float("inf"), "eval_runtime": 1},
    ]
    state = {"global_step": 2, "epoch": 1.0, "log_history": history}
    (adapter / "trainer_state.json").write_text(json.dumps(state))
    record = complete(adapter).record
    assert (record.training.steps, record.training.epochs) == (2, 1.0)
    assert record.training.log_history[0] == {"step": 1, "loss": "nan"}
    assert {(metric.name, metric.value, metric.higher_is_better) for metric in record.metrics} == {
        ("eval_loss", 0.5, False),
        ("eval_accuracy", None, True),
    }
    assert "metrics.eval_accuracy" in gaps(record)
    assert "training.log_history" not in gaps(record)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"log_history": 7, "global_step": "x", "epoch": "y"}'])
def test_a_broken_trainer_state_is_as_good_as_none(adapter, complete, content):
    (adapter / "trainer_state.json").write_text(content)
    assert complete(adapter).record.training.log_history == ()


def test_the_draft_decides_and_the_folder_completes(adapter, complete):
    (adapter / "tokenizer.json").write_text(
        json.dumps({"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"content": "<e>"}]})
    )
    (adapter / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "T", "eos_token": {"content": "<e>"}, "chat_template": "x"}'
    )
    leave(adapter, base_model=Base(id="acme/other", sha="d" * 40), tokenizer=Tokenizer(sample_sha256="e" * 64))
    record = complete(adapter, resolve_base=None, message="why").record
    assert (record.run_id, record.message, record.created) == ("run-1", "why", NOW)
    assert (record.base_model.id, record.base_model.sha) == ("acme/other", "d" * 40)
    assert (record.tokenizer.tokenizer_class, record.tokenizer.vocab_size) == ("T", 3)
    assert record.tokenizer.special_tokens == {"eos_token": "<e>"}
    assert record.tokenizer.chat_template_sha256 == hashlib.sha256(b"x").hexdigest()
    assert record.tokenizer.sample_sha256 == "e" * 64
    assert "environment" not in gaps(record)


def test_a_broken_draft_is_an_error_and_not_a_gap(adapter, complete):
    (adapter / "hubver-run.json").write_text("{")
    with pytest.raises(BadDocument, match=r"hubver-run\.json is not valid JSON"):
        complete(adapter)


def test_weights_that_were_there_before_the_run_are_not_its_own(adapter, complete):
    leave(adapter, training=Training(started=NOW))
    assert "weights" not in gaps(complete(adapter).record)
    before = NOW.timestamp() - 60
    os.utime(adapter / "adapter_model.safetensors", (before, before))
    assert "weights" in gaps(complete(adapter).record)


@pytest.mark.parametrize("tampered", [b"other", None])
def test_a_difference_that_is_not_the_run_s_own_is_not_published(adapter, complete, tampered):
    digest = hashlib.sha256(b"diff").hexdigest()
    record = RunRecord(
        run_id="run-1", created=NOW, base_model=Base(id="a/b", sha="d" * 40), code=Code(diff_sha256=digest)
    )
    draft.write(adapter, draft.Draft(record, b"diff"))
    assert complete(adapter).files["run/code.diff"] == b"diff"
    file = adapter / "hubver-run.diff"
    file.write_bytes(tampered) if tampered else file.unlink()
    taken = complete(adapter)
    assert "run/code.diff" not in taken.files
    assert "code.diff_sha256" in gaps(taken.record)


@pytest.mark.parametrize(
    "name", ["/home/me/base", "./base", "../base", "a/b/c", "", None, 7, "base folder"], ids=lambda name: f"{name!r}"
)
def test_a_base_that_is_no_hub_id_is_not_guessed(adapter, complete, name):
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": name}))
    taken = complete(adapter, resolve_base=None)
    assert taken.record.base_model.id is None
    assert "base_model.id" in gaps(taken.record)
    assert b"/home/me" not in taken.files["adapter_config.json"]


def test_a_folder_of_that_name_makes_it_local(adapter, complete, tmp_path):
    (tmp_path / "cwd" / "acme" / "base").mkdir(parents=True)
    assert complete(adapter, resolve_base=None).record.base_model.id is None


def test_a_base_that_the_hub_does_not_show_is_a_gap(adapter, complete):
    def missing(_id, _revision):
        raise NotFound("no such repo")

    record = complete(adapter, resolve_base=missing).record
    assert record.base_model.sha is None
    assert "base_model.sha" in gaps(record)


def test_a_hub_that_does_not_answer_stops_the_push(adapter, complete):
    def silent(_id, _revision):
        raise HubUnreachable("no answer")

    with pytest.raises(HubUnreachable):
        complete(adapter, resolve_base=silent)


def test_a_base_commit_in_the_configuration_is_believed(adapter, complete):
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "a/b", "revision": "c" * 40}))
    assert complete(adapter, resolve_base=None).record.base_model.sha == "c" * 40


def test_cut_weights_are_refused(adapter, complete):
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BadInput, match="not a whole safetensors file"):
        complete(adapter)


def test_a_full_model(tmp_path, complete, safetensors_bytes):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(safetensors_bytes({"a": (2, 3), "b": ()}))
    (folder / "config.json").write_text('{"_name_or_path": "acme/base"}')
    record = complete(folder).record
    assert (record.weights.kind, record.weights.parameters, record.weights.lora) == ("full", 7, None)
    assert record.base_model.id == "acme/base"


def test_completing_imports_no_library_of_training(adapter):
    script = (
        "import sys, datetime, pathlib\n"
        "from hubver import card, diff\n"
        "from hubver.record import capture\n"
        "def heavy(): return {'torch', 'transformers', 'peft', 'datasets', 'numpy'} & set(sys.modules)\n"
        "assert not heavy()\n"
        "now = datetime.datetime.now(datetime.timezone.utc)\n"
        "taken = capture.complete(pathlib.Path(sys.argv[1]), repo_id='a/b', version='v1.0.0', message=None,"
        " resolve_base=lambda i, r: 'b' * 40, now=now)\n"
        "card.render(taken.record, changes=diff.compare(None, taken.record), verdict=None, previous=None)\n"
        "print(sorted(heavy()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, adapter], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['numpy']"  # which looks at the numbers of the weights


def test_a_record_that_later_pushes_could_not_read_is_refused(adapter, complete):
    config = {"base_model_name_or_path": "acme/base", "exclude_modules": [0] * 1_000_000}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="record of this run is too large") as raised:
        complete(adapter)
    assert "of which training has" in raised.value.found


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"global_step": 7, "epoch": 0.5}, Checkpoint(of_run="run-1", step=7, epoch=0.5)),
        (
            {"global_step": 7, "best_model_checkpoint": "/else/where/checkpoint-7"},
            Checkpoint(of_run="run-1", step=7, best=True),
        ),
        (
            {"global_step": 7, "best_model_checkpoint": "out/checkpoint-3"},
            Checkpoint(of_run="run-1", step=7, best=False),
        ),
        ({"global_step": "7"}, None),
    ],
    ids=["no measure", "the best", "not the best", "no step"],
)
def test_a_checkpoint_says_where_in_its_run_it_stands(adapter, complete, state, found):
    leave(adapter.parent, base_model=Base(id="acme/base", sha="d" * 40))
    folder = adapter.rename(adapter.parent / "checkpoint-7")
    (folder / "trainer_state.json").write_text(json.dumps(state))
    record = complete(folder).record
    assert (record.run_id, record.training.checkpoint) == ("run-1-checkpoint-7", found)


def test_a_checkpoint_says_what_is_left_out_of_its_own_log_only(adapter, complete):
    parent = adapter.parent
    folder = adapter.rename(parent / "checkpoint-7")
    left_out = Gap(field="training.log_history", reason="of the run's log")
    leave(parent, base_model=Base(id="acme/base", sha="d" * 40), gaps=(left_out,))
    state = folder / "trainer_state.json"
    for rows, told in ((3, set()), (2001, {"2001 entries were logged; 2000 of them are kept, evenly taken"})):
        state.write_text(json.dumps({"global_step": 7, "log_history": [{"loss": n} for n in range(rows)]}))
        reasons = [gap.reason for gap in complete(folder).record.gaps if gap.field == "training.log_history"]
        assert {reason.rpartition(",")[0] for reason in reasons} == told


def test_tens_of_thousands_of_tensors_are_counted_and_not_listed(adapter, complete, safetensors_bytes):
    tensors = {f"base_model.model.model.layers.{n}.mlp.q_proj.lora_A.weight": (2, 1) for n in range(40_001)}
    (adapter / "adapter_model.safetensors").write_bytes(safetensors_bytes(tensors))
    record = complete(adapter).record
    assert (record.weights.tensors, record.weights.tensor_count) == ((), 40_001)
    assert (record.weights.parameters, record.weights.lora.ranks) == (80_002, (2,))
    assert "weights.tensors" in {gap.field for gap in record.gaps}
    assert len(record.to_bytes()) < 1 << 20
