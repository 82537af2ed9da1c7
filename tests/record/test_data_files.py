from __future__ import annotations

import hashlib
import json

import pytest

from hubver.record.observe.notes import Notes
from hubver.record.observe.reading import Reading
from hubver.record.schema import Base
from hubver.record.sources import data
from hubver.record.sources.base_model import Settled
from hubver.record.sources.data_files import candidates

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a script and data, where `datasets` keeps its cache too."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    for name, rows in {"a": 3, "b": 2, "c": 2}.items():
        (folder / "data" / f"{name}.jsonl").write_text("".join(json.dumps({"x": n}) + "\n" for n in range(rows)))
    (folder / "data" / "d.csv").write_text("x,y\n1,2\n")
    datasets.Dataset.from_dict({"x": [1]}).to_parquet(folder / "data" / "e.parquet")
    monkeypatch.chdir(folder)
    return folder


def load(*arguments, **named):
    import datasets

    return datasets.load_dataset(*arguments, **named)


def files_of(dataset, project, *near):
    found = data.describe(dataset, "train", "train", project, [project / name for name in near])
    (source,) = found.sources
    for file in source.files:
        assert file.sha256 == hashlib.sha256((project / file.path).read_bytes()).hexdigest()
    return [file.path for file in source.files], [gap.field for gap in found.gaps]


EVERY = ("data/a.jsonl", "data/b.jsonl", "data/d.csv", "data/e.parquet")


@pytest.mark.parametrize(
    ("make", "files"),
    [
        pytest.param(lambda: load("json", data_files="data/a.jsonl", split="train"), ["data/a.jsonl"], id="one"),
        pytest.param(lambda: load("csv", data_files=["data/d.csv"])["train"], ["data/d.csv"], id="csv"),
        pytest.param(
            lambda: load("parquet", data_files="data/e.parquet", split="train"), ["data/e.parquet"], id="parquet"
        ),
        pytest.param(
            lambda: load("json", data_files={"train": "data/b.jsonl", "test": "data/a.jsonl"}, split="test"),
            ["data/a.jsonl"],
            id="the other of two splits",
        ),
        pytest.param(
            lambda: load("json", data_files=["data/a.jsonl", "data/b.jsonl"], split="train"),
            ["data/a.jsonl", "data/b.jsonl"],
            id="several",
        ),
        pytest.param(
            lambda: load("json", data_files="data/a.jsonl", split="train[:2]").map(lambda row: {"y": row["x"]}),
            ["data/a.jsonl"],
            id="mapped",
        ),
        pytest.param(
            lambda: load("json", data_files="data/a.jsonl")["train"].train_test_split(0.4)["test"],
            ["data/a.jsonl"],
            id="a part",
        ),
    ],
)
def test_the_files_of_local_data_are_proven(project, make, files):
    assert files_of(make(), project, *EVERY) == (files, [])


def test_a_stream_names_its_files(project):
    stream = load("json", data_files="data/a.jsonl", split="train", streaming=True)
    found = data.describe(stream, "train", "train", project, [])
    (source,) = found.sources
    assert (source.streaming, source.rows, source.content_sha256) == (True, None, None)
    assert [file.path for file in source.files] == ["data/a.jsonl"]
    assert [gap.field for gap in found.gaps] == ["data.train.content_sha256"]


def test_files_that_nobody_names_are_a_gap(project):
    dataset = load("json", data_files="data/a.jsonl", split="train")
    assert files_of(dataset, project, "data/b.jsonl") == ([], ["data.train.files"])


@pytest.mark.parametrize(
    ("declared", "open_fields"),
    [((), ["data.train.files"]), (("data/a.jsonl",), [])],
    ids=["silent", "named by the user"],
)
def test_files_that_the_user_names_are_no_gap(project, declared, open_fields):
    dataset = load("json", data_files="data/a.jsonl", split="train")
    nowhere = Settled(Base(), ())
    notes = Notes()
    reading = Reading(nowhere, (("train", "train", dataset),), declared, project, project, (), None)
    sources = reading.data(notes)
    assert [gap.field for gap in notes.gaps] == open_fields
    assert [file.path for source in sources for file in source.files] == list(declared)


def test_what_was_read_from_a_file_and_named_as_well_is_one_source(project):
    dataset = load("json", data_files="data/a.jsonl", split="train")
    held = (("train", "train", dataset),)
    argv = ("--data", "data/a.jsonl")
    reading = Reading(Settled(Base(), ()), held, ("data/a.jsonl", "data/b.jsonl"), project, project, argv, None)
    found = [[file.path for file in source.files] for source in reading.data(Notes())]
    assert found == [["data/a.jsonl"], ["data/b.jsonl"]]


def test_a_file_that_changed_since_it_was_read_is_not_taken_for_it(project):
    dataset = load("json", data_files="data/a.jsonl", split="train")
    (project / "data" / "a.jsonl").write_text('{"x": 9}\n')
    assert files_of(dataset, project, *EVERY) == ([], ["data.train.files"])


def test_rows_made_in_memory_come_from_no_file(project):
    import datasets

    assert files_of(datasets.Dataset.from_dict({"x": [1]}), project, *EVERY) == ([], [])


def test_candidates_stand_in_the_command_and_in_the_script(project, tmp_path):
    (project / "train.py").write_text(
        "load_dataset('json', data_files='data/a.jsonl')\nX = ['data/*.csv', 'no/such.jsonl', 'x.jsonl\\n']\n"
    )
    found = candidates(["--data=data/b.jsonl", "data/e.parquet", "7", ""], project / "train.py", project)
    assert {file.relative_to(project).as_posix() for file in found} == {
        "data/a.jsonl",
        "data/b.jsonl",
        "data/d.csv",
        "data/e.parquet",
    }
    (project / "broken.py").write_text("def (")
    assert candidates([], project / "broken.py", project) == ()
    # A script that was started from somewhere else, and looks beside itself.
    assert project / "data" / "a.jsonl" in candidates([], project / "train.py", tmp_path)
