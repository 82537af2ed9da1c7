from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
import sys

import pytest

from hubver.errors import BadInput
from hubver.record.sources.content import content_digest, dataset_digest, rows_digest
from hubver.record.sources.data import declared, describe

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
    script = f"from hubver.record.sources.content import content_digest; print(content_digest([{COLUMNS!r}]))"
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


class Torch:
    def __len__(self):
        return 2

    def __getitem__(self, at):
        raise AssertionError("nobody may ask a stranger's rows: that could draw random numbers")


@pytest.mark.parametrize(
    "dataset",
    [[1, 2], [{"a": 1}, {"a": object()}], [{1: 2}, {}], Torch()],
    ids=["numbers", "objects", "names that are no text", "of torch"],
)
def test_rows_without_columns_or_form_are_counted_and_a_gap(dataset):
    found = describe(dataset, "train", "train")
    assert (found.sources[0].rows, found.sources[0].content_sha256) == (2, None)
    assert [gap.field for gap in found.gaps] == ["data.train.content_sha256"]


def test_a_list_of_rows_has_the_digest_of_its_values():
    rows = [{"b": 1, "a": "é"}, {"a": 'q"', "b": 2.5}, {"b": None, "a": ""}]
    (source,) = describe(rows, "train", "train").sources
    assert source.content_sha256 == content_digest([COLUMNS])
    assert describe(rows[::-1], "train", "train").sources[0].content_sha256 != source.content_sha256


def test_arrays_have_the_form_of_their_lists():
    numpy = pytest.importorskip("numpy")
    torch = pytest.importorskip("torch")
    plain = rows_digest([{"a": [1, 2]}])
    assert rows_digest([{"a": numpy.array([1, 2])}]) == rows_digest([{"a": torch.tensor([1, 2])}]) == plain


def arrow_of(columns, kinds=None):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(kinds) if kinds else None
    return datasets.Dataset.from_dict(columns, features=features)


def tables():
    """Columns of every kind, with what is easily lost: nulls, empty lists, extremes, escapes."""
    value = pytest.importorskip("datasets").Value
    when = dt.datetime(2026, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001  # Arrow's timestamps have no zone either
    return [
        ([1, None, -(2**63), 2**63 - 1], value("int64")),
        ([0, 2**63 - 1, None, 7], value("uint64")),
        ([True, None, False, True], value("bool")),
        ([[1, 2], None, [], [None, 5]], [value("int32")]),
        ([[[1], [2, 3]], [], None, [None, [4]]], [[value("int64")]]),
        ([[True], [], None, [None]], [value("bool")]),
        ([0.1, None, 1e22, -0.0], value("float64")),
        ([[0.1], [], None, [1e-7]], [value("float32")]),
        (["a", None, "\u2028\x7f\t", "\U0001f600"], value("string")),
        ([b"x", None, b"", b"\0"], value("binary")),
        ([when, None, when, when], value("timestamp[us]")),
        (
            [{"b": 1, "a": [1]}, None, {"b": 2, "a": None}, {"b": None, "a": []}],
            {"b": value("int64"), "a": [value("int8")]},
        ),
        (
            [[{"role": "u", "n": 1}], [], None, [{"role": None, "n": 2}]],
            [{"role": value("string"), "n": value("int64")}],
        ),
    ]


@pytest.mark.slow
def test_arrow_s_own_way_comes_to_the_same_digest_as_python_s():
    for column, kind in tables():
        dataset = arrow_of({"x": column, 'é"': [1, 2, 3, 4]}, {"x": kind, 'é"': tables()[0][1]})
        wanted = content_digest(dataset.with_format(None).iter(batch_size=3))
        assert dataset_digest(dataset) == wanted, kind
        assert dataset_digest(dataset) == rows_digest(dataset.to_list()), kind


@pytest.mark.slow
def test_neither_chunks_nor_indices_nor_formats_matter_to_the_digest():
    datasets = pytest.importorskip("datasets")
    columns = {"x": [[n] * (n % 5) for n in range(2500)], "t": [str(n) for n in range(2500)]}
    dataset = arrow_of(columns)
    digest = dataset_digest(dataset)
    parts = [dataset.select(range(start, min(start + 700, 2500))) for start in range(0, 2500, 700)]
    assert dataset_digest(datasets.concatenate_datasets(parts)) == digest
    backwards = dataset.select(range(2499, -1, -1))
    assert dataset_digest(backwards) != digest
    assert dataset_digest(backwards.select(range(2499, -1, -1))) == digest
    assert dataset_digest(dataset.select_columns(["t", "x"])) == digest
    assert dataset_digest(dataset.with_format("numpy")) == digest
    assert dataset_digest(dataset.with_transform(lambda batch: {"n": [0] * len(batch["t"])})) == digest
    assert dataset_digest(dataset.select([])) == rows_digest([])


@pytest.mark.slow
def test_pictures_count_by_their_bytes_wherever_their_files_are(tmp_path):
    datasets = pytest.importorskip("datasets")
    kind = {"x": datasets.Image(decode=False)}
    one = arrow_of({"x": [{"bytes": b"png", "path": "/home/alice/1.png"}]}, kind)
    two = arrow_of({"x": [{"bytes": b"png", "path": None}]}, kind)
    assert dataset_digest(one) == dataset_digest(two) == rows_digest([{"x": b"png"}])
    by_path = arrow_of({"x": [{"bytes": None, "path": "/home/alice/1.png"}]}, kind)
    (gap,) = describe(by_path, "train", "train").gaps
    assert (gap.field, "alice" in gap.reason) == ("data.train.content_sha256", False)


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
        config_name = "default"

    class Rows(list):
        info = Info()
        cache_files = facts.get("files")

    (source,) = describe(Rows([1]), "train", "train").sources
    assert (source.name, source.hub_id, source.hub_sha) == ("acme/tickets", "acme/tickets", "a" * 40)
    assert (source.config, source.files) == ("default", ())


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


def test_declared_files_in_the_repository_are_named_from_its_top(tmp_path):
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "sub" / "a.jsonl").write_text("1")
    (tmp_path / "b.jsonl").write_text("2")
    (one,) = declared(tmp_path / "b.jsonl", tmp_path / "data").sources
    assert [file.path for file in one.files] == ["b.jsonl"]
    (folder,) = declared(tmp_path / "data", tmp_path).sources
    assert (folder.name, [file.path for file in folder.files]) == ("data", ["data/sub/a.jsonl"])
    (pointed,) = declared(tmp_path / "data" / ".." / "b.jsonl", tmp_path).sources
    assert [file.path for file in pointed.files] == ["b.jsonl"]


def test_a_folder_of_too_many_files_is_known_by_their_list(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(5001):
        (folder / f"{number:04}.txt").write_text(str(number))
    found = declared(folder)
    (source,) = found.sources
    digests = [(f"{number:04}.txt", hashlib.sha256(str(number).encode()).hexdigest()) for number in range(5001)]
    listing = "".join(f"{path}\0{digest}\n" for path, digest in digests)
    assert (source.files, source.content_sha256) == ((), hashlib.sha256(listing.encode()).hexdigest())
    assert [gap.field for gap in found.gaps] == ["data.scans.files"]


@pytest.mark.parametrize("moving", ["acme/tickets", "acme/tickets@main", "acme/tickets@" + "a" * 39, "no/such.jsonl"])
def test_a_pointer_that_can_move_pins_nothing(moving):
    with pytest.raises(BadInput, match="is not there"):
        declared(moving)
