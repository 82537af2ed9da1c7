from __future__ import annotations

from datetime import datetime, timezone
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from hubver.record.draft import Draft
from hubver.record.observe.background import Reader
from hubver.record.observe.reading import PENDING_BASE, PENDING_DATA, Reading
from hubver.record.observe.watch import Begun
from hubver.record.schema import Base, RunRecord
from hubver.record.sources.base_model import Settled

if TYPE_CHECKING:
    from pathlib import Path


class Rows(list):
    """Rows that can be read only after `opened` was set."""

    def __init__(self, rows, opened):
        super().__init__(rows)
        self.opened = opened

    def __iter__(self):
        self.opened.wait()
        return super().__iter__()


@pytest.fixture
def opened():
    opened = Event()
    yield opened
    opened.set()


def begun(folder: Path, rows: list) -> Begun:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"w")
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)
    record = RunRecord(run_id="run-1", created=now, gaps=(PENDING_BASE, PENDING_DATA))
    reading = Reading(Settled(Base(), (), folder), (("train", "train", rows),), (), None, folder, (), None)
    return Begun(Draft(record, b"diff"), reading)


def test_training_goes_on_while_its_data_is_read(tmp_path, opened):
    reader = Reader(begun(tmp_path, Rows([{"a": 1}], opened)), forks=False)
    assert PENDING_DATA in reader.now().record.gaps
    opened.set()
    whole = reader.whole()
    assert whole.record.gaps == ()
    assert whole.record.data[0].content_sha256
    assert {file.path for file in whole.record.base_model.files} == {"config.json", "model.safetensors"}
    assert whole.diff == b"diff"


def test_a_process_that_will_fork_reads_its_data_first(tmp_path, opened):
    made = []
    thread = Thread(target=lambda: made.append(Reader(begun(tmp_path, Rows([{"a": 1}], opened)), forks=True)))
    thread.start()
    assert made == []
    opened.set()
    thread.join()
    (reader,) = made
    assert PENDING_DATA not in reader.now().record.gaps
    assert reader.whole().record.base_model.weights_sha256


def test_what_cannot_be_read_is_a_gap_and_keeps_what_is_known(tmp_path):
    class Broken(list):
        def __iter__(self):
            raise RuntimeError(f"no {tmp_path}/rows here")

    made = begun(tmp_path, Broken([{"a": 1}]))
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").symlink_to(tmp_path / "config.json")
    whole = Reader(made, forks=False).whole()
    (source,) = whole.record.data
    assert (source.rows, source.content_sha256) == (1, None)
    (gap,) = [gap for gap in whole.record.gaps if gap.field == "data.train"]
    assert gap.reason.startswith("RuntimeError: no ")
    assert str(tmp_path) not in gap.reason
