from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone

import pytest

from hubver.record import draft
from hubver.record.schema import Base, RunRecord

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
BASE = Base(id="acme/base", sha="d" * 40)


def leave(folder, diff: bytes | None = None, base: Base = BASE) -> None:
    code = {"diff_sha256": None if diff is None else draft.sha256(diff)}
    record = RunRecord(run_id="run-1", created=NOW, base_model=base, code=code)
    draft.write(folder, draft.Draft(record, diff))


@pytest.mark.parametrize("diff", [None, b"diff"])
@pytest.mark.parametrize("place", ["beside me", "."])
def test_a_record_near_the_folder_can_be_copied_with_the_command_shown(adapter, complete, monkeypatch, place, diff):
    monkeypatch.chdir(adapter.parent)
    leave(adapter.parent / place, diff)
    (hint,) = complete(adapter).hints
    record = "hubver-run.json" if place == "." else "beside me/hubver-run.json"
    assert f"If {record} is of this model" in hint
    command = hint.partition("with that record: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    taken = complete(adapter)
    assert (taken.record.run_id, taken.hints) == ("run-1", ())
    assert ("run/code.diff" in taken.files) == (diff is not None)


def test_several_records_near_the_folder_are_all_named(adapter, complete, monkeypatch):
    monkeypatch.chdir(adapter.parent)
    for name in ("one", "two"):
        leave(adapter.parent / name)
    (hint,) = complete(adapter).hints
    assert "several folders near it do: one, two." in hint


def test_no_record_near_the_folder_is_no_hint(adapter, complete):
    leave(adapter.parent / "far" / "away")
    (adapter.parent / "loop").symlink_to("loop")
    assert complete(adapter).hints == ()


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize(
    ("saved", "known"),
    [("/home/me/base", "was a local folder"), ("./base", "was a local folder"), (None, "is not named")],
)
def test_an_adapter_whose_base_nobody_can_find(adapter, complete, saved, known, watched):
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": saved}))
    if watched:
        leave(adapter, base=Base())
    (hint,) = complete(adapter).hints
    assert known in hint
    assert ("HubverCallback(base_model='org/name')" in hint) == watched
    assert ("--base org/name" in hint) != watched
    assert "/home/me" not in hint


def test_a_base_that_can_be_found_or_a_whole_model_is_no_hint(adapter, complete):
    assert complete(adapter).hints == ()
    (adapter / "adapter_model.safetensors").rename(adapter / "model.safetensors")
    (adapter / "adapter_config.json").rename(adapter / "config.json")
    (adapter / "config.json").write_text("{}")
    taken = complete(adapter)
    assert (taken.record.base_model.id, taken.hints) == (None, ())
