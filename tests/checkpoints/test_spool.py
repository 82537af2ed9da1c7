from __future__ import annotations

import os
import shutil

import pytest
from outputs import write_adapter

from hubver.checkpoints.spool import Entry, Spool, holds_model, let_go
from hubver.errors import BadDocument


def entry(step: int = 1) -> Entry:
    return Entry(kind="checkpoint", of_run="run-1", repo_id="acme/router", step=step)


def names(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def model(tmp_path):
    folder = write_adapter(tmp_path / "checkpoint-1", megabytes=2)
    (folder / "optimizer.pt").write_bytes(b"not for anyone")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool.jinja").write_text("{{ messages }}")
    return folder


def test_what_travels_is_set_aside_and_outlives_the_trainer_s_own_copy(tmp_path, model):
    weights = (model / "adapter_model.safetensors").read_bytes()
    waiting = Spool(tmp_path).add(entry(), model)
    assert (waiting.folder / "adapter_model.safetensors").samefile(model / "adapter_model.safetensors")
    shutil.rmtree(model)
    assert names(waiting.folder) == [
        ".hubver-entry.json",
        "adapter_config.json",
        "adapter_model.safetensors",
        "additional_chat_templates/tool.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert (waiting.folder / "adapter_model.safetensors").read_bytes() == weights
    assert waiting.changed() == []


def test_a_file_that_is_written_over_in_place_is_noticed_and_a_small_one_is_our_own(tmp_path, model):
    waiting = Spool(tmp_path).add(entry(), model)
    (model / "adapter_config.json").write_text("{}")
    assert waiting.changed() == []
    weights = model / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes())
    os.utime(weights, (1, 1))
    assert waiting.changed() == ["adapter_model.safetensors"]


def test_a_folder_that_let_go_can_be_written_anew(tmp_path, model):
    waiting = Spool(tmp_path).add(entry(), model)
    let_go(model)
    assert not (model / "adapter_model.safetensors").exists()
    write_adapter(model, seed=5, megabytes=2)
    assert waiting.changed() == []


def test_entries_come_back_in_their_order_whatever_their_steps(tmp_path, model):
    spool = Spool(tmp_path)
    for step in (30, 4, 100):
        spool.add(entry(step), model)
    assert [waiting.entry.step for waiting in Spool(tmp_path).waiting()] == [30, 4, 100]
    spool.drop(spool.waiting()[0])
    assert [waiting.entry.step for waiting in spool.waiting()] == [4, 100]


def test_what_was_not_finished_is_no_entry_and_goes(tmp_path, model):
    spool = Spool(tmp_path)
    place = spool.add(entry(), model).folder.parent
    shutil.copytree(place / "000001-checkpoint-1", place / ".new-000002-checkpoint-2")
    shutil.copytree(place / "000001-checkpoint-1", place / ".old-000000-checkpoint-0")
    (place / "000003-checkpoint-3").mkdir()
    assert [waiting.entry.step for waiting in spool.waiting()] == [1]
    spool.sweep()
    assert sorted(folder.name for folder in place.iterdir()) == ["000001-checkpoint-1", "000003-checkpoint-3"]


def test_links_that_a_checkpoint_holds_are_not_followed(tmp_path, model):
    (tmp_path / "secret").write_text("secret")
    (model / "added_tokens.json").symlink_to(tmp_path / "secret")
    assert "added_tokens.json" not in names(Spool(tmp_path).add(entry(), model).folder)


def test_a_folder_that_cannot_be_written_leaves_nothing_half_made(tmp_path, model):
    (tmp_path / ".hubver").mkdir()
    (tmp_path / ".hubver" / "pending").write_text("in the way")
    with pytest.raises(OSError, match="pending"):
        Spool(tmp_path).add(entry(), model)


def test_an_entry_that_cannot_be_read_is_said_with_its_file(tmp_path, model):
    waiting = Spool(tmp_path).add(entry(), model)
    (waiting.folder / ".hubver-entry.json").write_text('{"kind": "other"}')
    with pytest.raises(BadDocument, match=r"000001-checkpoint-1.*entry\.json"):
        Spool(tmp_path).waiting()


@pytest.mark.parametrize(
    ("files", "held"),
    [
        (["adapter_model.safetensors"], True),
        (["model-00001-of-00002.safetensors"], True),
        (["optimizer.safetensors", "config.json"], False),
        (["pytorch_model.bin"], False),
        ([], False),
    ],
    ids=["adapter", "shards", "optimizer", "pickle", "nothing"],
)
def test_which_folders_hold_a_model(tmp_path, files, held):
    for name in files:
        (tmp_path / name).write_bytes(b"")
    assert holds_model(tmp_path) is held
