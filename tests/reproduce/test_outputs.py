"""Of all that a run leaves, the model that would have been published is found."""

from __future__ import annotations

import os
from datetime import datetime, timezone

import pytest

from hubver.record.schema import Checkpoint, FileEntry, RunRecord, Training
from hubver.reproduce.outputs import find

BEGAN = 1_000_000.0
ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
WHOLE = ("model.safetensors", "config.json")


def record(files=ADAPTER, step=None) -> RunRecord:
    checkpoint = Checkpoint(of_run="r", step=step) if step is not None else None
    entries = tuple(FileEntry(path=path, size=1, sha256="a" * 64) for path in files)
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)
    return RunRecord(run_id="r", created=now, files=entries, training=Training(checkpoint=checkpoint))


def model(folder, files=ADAPTER, *, after=10.0, draft=False):
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (BEGAN + after, BEGAN + after))
    if draft:
        (folder / "hubver-run.json").write_bytes(b"{}")
    return folder


def test_the_newest(tmp_path):
    model(tmp_path / "code/a", after=1)
    newest = model(tmp_path / "code/b", after=2)
    model(tmp_path / "code/c", after=-1)
    assert find(tmp_path, record(), BEGAN) == newest


def test_one_with_a_record_goes_before_a_newer_one_without(tmp_path):
    recorded = model(tmp_path / "elsewhere/out", after=1, draft=True)
    model(tmp_path / "code/copy", after=5)
    assert find(tmp_path, record(), BEGAN) == recorded


def test_what_the_callback_saved_goes_first(tmp_path):
    model(tmp_path / "code/out", after=9, draft=True)
    final = model(tmp_path / "code/out/hubver-final", after=1, draft=True)
    assert find(tmp_path, record(), BEGAN) == final


@pytest.mark.parametrize(("step", "expected"), [(None, "out"), (10, "out/checkpoint-10"), (30, None)])
def test_a_checkpoint_is_found_where_one_was_published(tmp_path, step, expected):
    model(tmp_path / "out", after=1)
    model(tmp_path / "out/checkpoint-10", after=5)
    model(tmp_path / "out/checkpoint-20", after=6)
    assert find(tmp_path, record(step=step), BEGAN) == (tmp_path / expected if expected else None)


@pytest.mark.parametrize(("wanted", "other"), [(ADAPTER, WHOLE), (WHOLE, ADAPTER)])
def test_the_kind_must_be_the_published_one(tmp_path, wanted, other):
    model(tmp_path / "one", other)
    assert find(tmp_path, record(wanted), BEGAN) is None
    right = model(tmp_path / "three", wanted)
    assert find(tmp_path, record(wanted), BEGAN) == right


def test_what_the_run_was_given_is_no_output(tmp_path):
    model(tmp_path / "hf/hub/models--acme--x/snapshots/a")
    model(tmp_path / "code/.git/x")
    assert find(tmp_path, record(), BEGAN) is None
    mine = model(tmp_path / "code/hf")  # a folder of the run's own may be called so
    assert find(tmp_path, record(), BEGAN) == mine
