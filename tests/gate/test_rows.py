from __future__ import annotations

import datetime as dt
import decimal
import json
import os
import subprocess
import sys

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from pydantic import SecretStr

from hubver.errors import BadInput, BadSettings, NotFound
from hubver.gate import Task, hub_rows, hub_split
from hubver.gate.rows import read_rows
from hubver.settings import Settings

SETTINGS = Settings(endpoint="http://127.0.0.1:9")
ROWS = [{"prompt": f"p{index}", "completion": f"c{index}", "queue": "ab"[index % 2]} for index in range(6)]


def parquet(path, rows):
    from pyarrow import Table
    from pyarrow import parquet as files

    files.write_table(Table.from_pylist(rows), path)
    return path


def csv_of(rows):
    return "".join(",".join(row) + "\n" for row in [list(rows[0]), *(row.values() for row in rows)])


def test_every_kind_of_file_is_the_same_task(tmp_path):
    (tmp_path / "rows.csv").write_text("\ufeff" + csv_of(ROWS), encoding="utf-8")
    parquet(tmp_path / "rows.parquet", ROWS)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    memory = Task("t", ROWS, slice_by="queue").load(tmp_path, SETTINGS)
    for suffix in ("csv", "parquet", "jsonl"):
        assert Task("t", f"rows.{suffix}", slice_by="queue").load(tmp_path, SETTINGS) == memory
        assert Task("t", tmp_path / f"rows.{suffix}", slice_by="queue").load(tmp_path / "not", SETTINGS) == memory


def test_csv_keeps_what_is_quoted(tmp_path):
    (tmp_path / "rows.csv").write_text('prompt,completion\n"a, ""b""\nc",d\n\n', encoding="utf-8")
    assert read_rows("rows.csv", tmp_path, SETTINGS) == [{"prompt": 'a, "b"\nc', "completion": "d"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("short.csv", b"a,b\n1\n", "line 2: this row does not fit the header"),
        ("long.csv", b"a,b\n1,2\n1,2,3\n", "line 3: this row does not fit"),
        ("twice.csv", b"a,a\n1,2\n", "'a' occurs twice"),
        ("empty.csv", b"", "no rows"),
        ("quote.csv", b'a\n"b\n', "line 2 cannot be read"),
        ("latin.csv", b"a\n\xe9\n", "cannot be read"),
        ("broken.parquet", b"PAR1", "cannot be read: Arrow"),
    ],
)
def test_files_that_are_no_rows_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_rows(name, tmp_path, SETTINGS)


def test_dates_and_decimals_of_tables_are_texts_and_bytes_are_refused(tmp_path):
    row = {
        "day": dt.date(2026, 1, 2),
        "at": dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone.utc),
        "sum": decimal.Decimal("1.50"),
        "l": [1, None],
    }
    parquet(tmp_path / "rows.parquet", [row])
    found = read_rows("rows.parquet", tmp_path, SETTINGS)
    assert found == [{"day": "2026-01-02", "at": "2026-01-02T03:00:00+00:00", "sum": "1.50", "l": [1, None]}]
    parquet(tmp_path / "bytes.parquet", [{"prompt": "a", "completion": b"b"}])
    with pytest.raises(BadInput, match="no JSON"):
        Task("t", "bytes.parquet").load(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    "pointer", ["acme/tickets", "acme/tickets@main", "acme/tickets@v1", "acme/tickets@" + "a" * 39, "@" + "a" * 40]
)
def test_a_dataset_that_is_not_pinned_is_refused(pointer):
    with pytest.raises(BadInput, match="not pinned"):
        hub_rows(pointer, "test.jsonl")


def test_rows_come_from_a_dataset_at_an_exact_commit(local_hub, tmp_path):
    settings = Settings(endpoint=local_hub.url, token=SecretStr(local_hub.token))
    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    api.create_repo("acme/tickets", repo_type="dataset")
    shas = []
    for count in (4, 6):
        lines = "".join(json.dumps(row) + "\n" for row in ROWS[:count])
        add = CommitOperationAdd("test.jsonl", lines.encode())
        shas.append(api.create_commit("acme/tickets", [add], repo_type="dataset", commit_message=f"{count} rows").oid)
    for sha, count in zip(shas, (4, 6), strict=True):
        examples = Task("t", hub_rows(f"acme/tickets@{sha}", "test.jsonl")).load(tmp_path, settings)
        assert examples == Task("t", ROWS[:count]).load(tmp_path, settings)
    with pytest.raises(NotFound, match=r"gone\.jsonl of the dataset"):
        Task("t", hub_rows(f"acme/tickets@{shas[0]}", "gone.jsonl")).load(tmp_path, settings)
    with pytest.raises(NotFound):
        Task("t", hub_rows("acme/tickets@" + "a" * 40, "test.jsonl")).load(tmp_path, settings)


@pytest.fixture
def dataset(local_hub, tmp_path):
    """A dataset with its rows as CSV and as Parquet, at two commits; its settings and the commits."""
    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    api.create_repo("acme/tables", repo_type="dataset")
    shas = []
    for count in (4, 6):
        files = {
            "data/test.csv": csv_of(ROWS[:count]).encode(),
            "train.parquet": parquet(tmp_path / "t.parquet", ROWS[:count]).read_bytes(),
        }
        add = [CommitOperationAdd(path, content) for path, content in files.items()]
        shas.append(api.create_commit("acme/tables", add, repo_type="dataset", commit_message="rows").oid)
    return Settings(endpoint=local_hub.url, token=SecretStr(local_hub.token)), shas, api


@pytest.mark.parametrize("path", ["data/test.csv", "train.parquet"])
def test_tables_come_from_a_dataset_too(dataset, tmp_path, path):
    settings, shas, _ = dataset
    assert read_rows(hub_rows(f"acme/tables@{shas[0]}", path), tmp_path, settings) == ROWS[:4]


def test_a_branch_is_pinned_and_recorded_where_one_says_so(dataset, tmp_path):
    settings, shas, api = dataset
    source = hub_rows("acme/tables@main", "data/test.csv", lock="datasets.lock.json")
    assert read_rows(source, tmp_path, settings) == ROWS
    lock = tmp_path / "datasets.lock.json"
    assert json.loads(lock.read_text()) == {"acme/tables@main": shas[1]}
    add = CommitOperationAdd("data/test.csv", csv_of(ROWS[:1]).encode())
    moved = api.create_commit("acme/tables", [add], repo_type="dataset", commit_message="move").oid
    assert read_rows(source, tmp_path, settings) == ROWS
    lock.write_text("{}")
    assert read_rows(source, tmp_path, settings) == ROWS[:1]
    assert json.loads(lock.read_text()) == {"acme/tables@main": moved}
    with pytest.raises(NotFound):
        read_rows(hub_rows("acme/tables@gone", "data/test.csv", lock=lock.name), tmp_path, settings)
    pinned = hub_rows(f"acme/tables@{shas[0]}", "data/test.csv", lock=lock.name)
    assert read_rows(pinned, tmp_path, settings) == ROWS[:4]
    assert json.loads(lock.read_text()) == {"acme/tables@main": moved}


@pytest.mark.parametrize("content", ["[]", "{", '{"acme/tables@main": "main"}'])
def test_a_lock_file_that_is_none_is_named(tmp_path, content):
    (tmp_path / "x.lock").write_text(content)
    with pytest.raises(BadInput, match=r"x\.lock"):
        read_rows(hub_rows("acme/tables@main", "test.csv", lock="x.lock"), tmp_path, SETTINGS)


def test_a_split_that_is_not_pinned_is_refused():
    with pytest.raises(BadInput, match="not pinned"):
        hub_split("acme/tables@main", "test")


@pytest.mark.slow
def test_another_hub_than_the_environment_names_is_refused_for_splits(tmp_path):
    pytest.importorskip("datasets")
    with pytest.raises(BadSettings, match="another Hub"):
        read_rows(hub_split("acme/tables@" + "a" * 40, "test"), tmp_path, SETTINGS)


SPLITS = """
import json, sys
from pathlib import Path
from hubver.errors import HubverError
from hubver.gate import hub_split
from hubver.gate.rows import read_rows
from hubver.settings import Settings
settings = Settings.load(Path())
for pointer, split in json.loads(sys.argv[1]):
    try:
        print(json.dumps(read_rows(hub_split(pointer, split), Path(), settings)))
    except HubverError as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.mark.slow
def test_splits_are_read_at_their_commit(local_hub, tmp_path):
    pytest.importorskip("datasets")
    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    api.create_repo("acme/splits", repo_type="dataset")
    shas = []
    for count in (4, 6):
        add = CommitOperationAdd("data/test.csv", csv_of(ROWS[:count]).encode())
        shas.append(api.create_commit("acme/splits", [add], repo_type="dataset", commit_message="rows").oid)
    asked = [(f"acme/splits@{sha}", "test") for sha in shas]
    asked += [
        (f"acme/splits@{shas[0]}", "test[:2]"),
        (f"acme/splits@{shas[0]}", "gone"),
        ("acme/splits@" + "a" * 40, "test"),
    ]
    # The package reads its environment once, when it is imported.
    env = {**os.environ, "HF_ENDPOINT": local_hub.url, "HF_TOKEN": local_hub.token, "HF_HOME": str(tmp_path)}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", SPLITS, json.dumps(asked)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, some, gone, unknown = map(json.loads, done.stdout.splitlines())
    assert (first, second, some) == (ROWS[:4], ROWS, ROWS[:2])
    assert gone[0] == "BadInput"
    assert "gone" in gone[1]
    assert unknown[0] == "NotFound"
