"""Repos as a file system: fsspec's `hf://`, and pandas and pyarrow on top of it."""

from __future__ import annotations

import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfFileSystem

LARGE = os.urandom(400_000)


@pytest.fixture
def fs(hub):
    return HfFileSystem(endpoint=hub.url, token=hub.token, skip_instance_cache=True)


@pytest.fixture
def data(api, name):
    """Path of a dataset repo."""
    api.create_repo(name, repo_type="dataset")
    return f"datasets/{name}"


def test_files_are_written_listed_and_read(fs, data):
    with fs.open(f"{data}/sub/a.txt", "w") as file:
        file.write("one\ntwo\n")
    fs.pipe(f"{data}/w.bin", LARGE)
    assert sorted(fs.ls(data, detail=False)) == [f"{data}/.gitattributes", f"{data}/sub", f"{data}/w.bin"]
    assert fs.glob(f"{data}/**/*.txt") == [f"{data}/sub/a.txt"]
    assert [fs.isdir(f"{data}/sub"), fs.isfile(f"{data}/sub/a.txt"), fs.exists(f"{data}/none")] == [True, True, False]
    assert fs.info(f"{data}/w.bin")["size"] == 400_000
    with fs.open(f"{data}/sub/a.txt", "r") as file:
        assert file.readlines() == ["one\n", "two\n"]
    assert fs.du(data) > 400_000
    assert [path for path, _, _ in fs.walk(data)] == [data, f"{data}/sub"]


def test_large_file_is_read_in_pieces(fs, data):
    fs.pipe(f"{data}/w.bin", LARGE)
    with fs.open(f"{data}/w.bin", "rb", block_size=50_000) as file:
        file.seek(-10, os.SEEK_END)
        assert file.read() == LARGE[-10:]
        file.seek(123_456)
        assert file.read(70_000) == LARGE[123_456:193_456]
    assert fs.cat_file(f"{data}/w.bin", start=5, end=15) == LARGE[5:15]
    with fs.open(f"{data}/w.bin", "rb", block_size=0) as stream:
        assert stream.read(1000) == LARGE[:1000]


def test_files_are_copied_moved_and_removed(fs, data):
    fs.pipe(f"{data}/a.bin", LARGE)
    fs.pipe(f"{data}/a.txt", b"a")
    fs.cp_file(f"{data}/a.bin", f"{data}/b.bin")
    fs.mv(f"{data}/a.txt", f"{data}/sub/a.txt")
    assert fs.cat_file(f"{data}/b.bin") == LARGE
    assert not fs.exists(f"{data}/a.txt")
    fs.rm(f"{data}/sub", recursive=True)
    fs.rm(f"{data}/b.bin")
    assert sorted(fs.ls(data, detail=False)) == [f"{data}/.gitattributes", f"{data}/a.bin"]


def test_what_others_wrote_is_seen_after_invalidation(fs, api, name, data):
    assert not fs.exists(f"{data}/late.txt")
    api.upload_file(path_or_fileobj=b"late", path_in_repo="late.txt", repo_id=name, repo_type="dataset")
    fs.invalidate_cache()
    assert fs.cat_file(f"{data}/late.txt") == b"late"


def test_revisions(fs, api, name, data):
    fs.pipe(f"{data}/a.txt", b"one")
    api.create_tag(name, tag="v1", repo_type="dataset")
    fs.pipe(f"{data}/a.txt", b"two")
    api.create_branch(name, branch="feature/x", repo_type="dataset")
    fs.pipe(f"{data}@feature%2Fx/a.txt", b"three")
    read = {revision: fs.cat_file(f"{data}@{revision}/a.txt") for revision in ("v1", "main", "feature%2Fx")}
    assert read == {"v1": b"one", "main": b"two", "feature%2Fx": b"three"}
    with pytest.raises(FileNotFoundError):
        fs.info(f"{data}@none/a.txt")
    with pytest.raises(FileNotFoundError):
        fs.cat_file(f"{data}/none.txt")


def test_pandas_and_pyarrow(hub, fs, data):
    frame = pd.DataFrame({"number": range(1000), "text": [str(n) for n in range(1000)]})
    options = {"endpoint": hub.url, "token": hub.token}
    frame.to_csv(f"hf://{data}/a.csv", index=False, storage_options=options)
    assert pd.read_csv(f"hf://{data}/a.csv", storage_options=options, dtype={"text": str}).equals(frame)
    frame.to_parquet(f"hf://{data}/a.parquet", storage_options=options)
    assert pd.read_parquet(f"hf://{data}/a.parquet", storage_options=options).equals(frame)
    fs.invalidate_cache()
    assert pq.read_table(f"{data}/a.parquet", filesystem=fs, columns=["number"]).num_columns == 1
    with fs.open(f"{data}/b.parquet", "wb") as file:
        pq.write_table(pa.table({"x": [1, 2]}), file)
    assert pq.read_table(f"{data}/b.parquet", filesystem=fs).to_pydict() == {"x": [1, 2]}
