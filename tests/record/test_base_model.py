from __future__ import annotations

import hashlib

import pytest
from huggingface_hub import constants

from hubver.errors import NotFound
from hubver.record.schema import Base
from hubver.record.sources.base_model import digested, loaded, settle

SHA = "b" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache as the Hub's client lays it out: `main` of acme/base is `SHA`."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repo = tmp_path / "models--acme--base"
    snapshot = repo / "snapshots" / SHA
    for folder in (snapshot, repo / "refs", repo / "blobs"):
        folder.mkdir(parents=True)
    (repo / "refs" / "main").write_text(SHA)
    (snapshot / "config.json").write_text("{}")
    # Not the digest of its content, to see that the name is believed and gigabytes are not read.
    (repo / "blobs" / ("e" * 64)).write_bytes(b"weights")
    (snapshot / "model.safetensors").symlink_to(repo / "blobs" / ("e" * 64))


def test_what_this_machine_loaded_last_is_asked_for_first(cache):
    asked = []

    def resolve(base_id, revision):
        asked.append((base_id, revision))
        return revision

    settled = settle(Base(id="acme/base"), resolve)
    assert asked == [("acme/base", SHA)]
    assert settled.base.sha == SHA
    assert settled.base.config_sha256 == hashlib.sha256(b"{}").hexdigest()
    assert (settled.base.weights_file, settled.base.weights_sha256) == ("model.safetensors", "e" * 64)
    assert [gap.field for gap in settled.gaps] == ["base_model.sha"]


def test_a_cache_of_another_hub_is_not_believed(cache):
    def resolve(_base_id, revision):
        if revision == SHA:
            raise NotFound("not here")
        return "c" * 40

    assert settle(Base(id="acme/base"), resolve).base.sha == "c" * 40


def test_a_commit_that_the_run_knew_is_not_asked_for(cache):
    settled = settle(Base(id="acme/base", sha=SHA), None)
    assert settled.base.weights_sha256 == "e" * 64
    assert settled.gaps == ()


def test_a_requested_revision_is_resolved(cache):
    settled = settle(Base(id="acme/base", requested_revision="v2"), lambda _id, revision: {"v2": "d" * 40}[revision])
    assert settled.base.sha == "d" * 40


def snapshot(tmp_path, sha):
    folder = tmp_path / "models--acme--base" / "snapshots" / sha
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")


def test_a_run_that_loaded_a_base_by_its_id_knows_the_commit_from_the_cache(cache):
    found = loaded("acme/base", None, None)
    assert known(found) == ("acme/base", SHA, "e" * 64)
    assert found.gaps == ()


def test_several_commits_in_the_cache_are_a_doubt_unless_the_revision_is_known(cache, tmp_path):
    snapshot(tmp_path, "c" * 40)
    doubtful = loaded("acme/base", None, None)
    assert doubtful.base.sha == SHA
    assert [gap.field for gap in doubtful.gaps] == ["base_model.sha"]
    assert loaded("acme/base", "main", None).gaps == ()
    assert loaded("acme/base", "c" * 40, None).base.sha == "c" * 40
    assert loaded("acme/base", "v9", None).base.sha is None
    assert loaded("acme/base", None, "acme/base@main").gaps == ()


def test_a_folder_of_the_cache_is_the_hub_s(cache, tmp_path):
    found = loaded(str(tmp_path / "models--acme--base" / "snapshots" / SHA), None, None)
    assert known(found) == ("acme/base", SHA, "e" * 64)


def test_another_name_than_the_one_loaded_takes_no_commit_from_it(cache):
    found = loaded("acme/base", None, "acme/renamed")
    assert known(found) == ("acme/renamed", None, "e" * 64)
    assert [gap.field for gap in found.gaps] == ["base_model.id"]


def known(found):
    """Id, commit and digest of the weights of a base that was loaded, once it was read."""
    base = digested(found.base, found.folder)
    return base.id, base.sha, base.weights_sha256


@pytest.mark.parametrize(
    ("weights", "read", "named"),
    [
        pytest.param(
            {"model.safetensors": b"w", "pytorch_model.bin": b"p"}, {"model.safetensors"}, b"w", id="one file"
        ),
        pytest.param(
            {
                "model.safetensors.index.json": b'{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}',
                "m-1.safetensors": b"1",
                "m-2.safetensors": b"2",
                "m-3.safetensors": b"of no index",
            },
            {"model.safetensors.index.json", "m-1.safetensors", "m-2.safetensors"},
            b'{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}',
            id="shards",
        ),
        pytest.param(
            {"model.safetensors.index.json": b'{"weight_map": {"a": "../../secret"}}'},
            {"model.safetensors.index.json"},
            b'{"weight_map": {"a": "../../secret"}}',
            id="an index that points elsewhere",
        ),
        pytest.param({"model.safetensors.index.json": b"[]"}, {"model.safetensors.index.json"}, b"[]", id="no index"),
        pytest.param({}, set(), None, id="no weights"),
    ],
)
def test_a_local_folder_is_digested_and_not_named(tmp_path, weights, read, named):
    for name, content in {"config.json": b"{}", "tokenizer.json": b"{}", "notes.txt": b"", **weights}.items():
        (tmp_path / name).write_bytes(content)
    found = loaded(str(tmp_path), None, None)
    base = digested(found.base, found.folder)
    assert (base.id, base.sha) == (None, None)
    assert {file.path for file in base.files} == {"config.json", "tokenizer.json"} | read
    assert all(file.sha256 == hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest() for file in base.files)
    assert base.config_sha256 == hashlib.sha256(b"{}").hexdigest()
    assert base.weights_sha256 == (hashlib.sha256(named).hexdigest() if named is not None else None)


def test_a_model_that_came_from_nowhere(tmp_path):
    assert loaded("", None, None).base.id is None
