from __future__ import annotations

import hashlib

import pytest
from huggingface_hub import constants

from hubver.errors import NotFound
from hubver.record.base_model import settle
from hubver.record.schema import Base

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
