from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
import sys

import pytest

from hubver.errors import BadInput
from hubver.record.content import content_digest
from hubver.record.data import declared, describe

COLUMNS = {"b": [1, 2.5, None], "a": ["é", 'q"', ""]}


def test_the_digest_is_of_the_rows_as_lines_of_json():
    lines = '{"a":"é","b":1}\n{"a":"q\\"","b":2.5}\n{"a":"","b":null}\n'
    assert content_digest([COLUMNS]) == hashlib.sha256(lines.encode()).hexdigest()


def test_batches_and_the_order_of_columns_do_not_matter_and_the_order_of_rows_does():
    digest = content_digest([COLUMNS])
    first, rest = ({name: values[part] for name, values in COLUMNS.items()} for part in (slice(1), slice(1, None)))
    assert content_digest([first, rest]) == digest
    assert content_digest([dict(reversed(COLUMNS.items()))]) == digest
    assert content_digest([{name: values[::-1] for name, values in COLUMNS.items()}]) != digest


def test_bytes_and_dates_have_a_form_and_objects_do_not():
    assert content_digest([{"a": [b"x", dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)]}])
    with pytest.raises(TypeError, match="object"):
        content_digest([{"a": [object()]}])


def test_the_digest_is_the_same_in_another_process():
    script = f"from hubver.record.content import content_digest; print(content_digest([{COLUMNS!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert done.stdout.strip() == content_digest([COLUMNS])


@pytest.mark.slow
def test_datasets():
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict(COLUMNS | {"b": [1, 2, 3]})
    found = describe(dataset, "train", "train")
    (source,) = found.sources
    assert (source.rows, source.columns, found.gaps) == (3, ("b", "a"), ())
    assert source.content_sha256 == content_digest([COLUMNS | {"b": [1, 2, 3]}])
    (other,) = describe(dataset.select([2, 1, 0]), "train", "train").sources
    assert other.content_sha256 != source.content_sha256
    assert describe(dataset.with_format("numpy"), "train", "train").sources == (source,)
    stream = describe(dataset.to_iterable_dataset(), "train", "train")
    assert stream.sources[0].rows is None
    assert [gap.field for gap in stream.gaps] == ["data.train.content_sha256"]


def test_what_is_only_a_list_is_counted_and_a_gap():
    found = describe([1, 2], "train", "train")
    assert found.sources[0].rows == 2
    assert [gap.field for gap in found.gaps] == ["data.train.content_sha256"]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"sums": {"hf://datasets/acme/tickets@" + "a" * 40 + "/x.parquet": {}}}, id="downloaded"),
        pytest.param({"files": [{"filename": f"/c/acme___tickets/default/0.0.0/{'a' * 40}/t.arrow"}]}, id="prepared"),
    ],
)
def test_a_dataset_of_the_hub_is_pinned_by_its_commit(facts):
    class Info:
        download_checksums = facts.get("sums")

    class Rows(list):
        info = Info()
        cache_files = facts.get("files")

    (source,) = describe(Rows([1]), "train", "train").sources
    assert (source.name, source.hub_id, source.hub_sha) == ("acme/tickets", "acme/tickets", "a" * 40)


def test_declared_files_folders_and_pins(tmp_path):
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a.jsonl").write_text("1")
    (tmp_path / "d" / "sub" / "b.jsonl").write_text("22")
    (one,) = declared(tmp_path / "d" / "a.jsonl").sources
    assert (one.name, one.files[0].size, one.files[0].sha256) == ("a.jsonl", 1, hashlib.sha256(b"1").hexdigest())
    (folder,) = declared(str(tmp_path / "d")).sources
    assert [file.path for file in folder.files] == ["a.jsonl", "sub/b.jsonl"]
    (pin,) = declared("acme/tickets@" + "a" * 40).sources
    assert (pin.hub_id, pin.hub_sha) == ("acme/tickets", "a" * 40)


@pytest.mark.parametrize("moving", ["acme/tickets", "acme/tickets@main", "acme/tickets@" + "a" * 39, "no/such.jsonl"])
def test_a_pointer_that_can_move_pins_nothing(moving):
    with pytest.raises(BadInput, match="is not there"):
        declared(moving)
