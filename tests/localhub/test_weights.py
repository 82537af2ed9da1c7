"""What the Hub reads out of safetensors files."""

from __future__ import annotations

import json
import struct

import pytest
from huggingface_hub import CommitOperationAdd, get_session
from huggingface_hub.errors import HfHubHTTPError

FIRST = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [5], "data_offsets": [24, 34]},
}
SECOND = {
    "c": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
    "d": {"dtype": "F32", "shape": [0, 7], "data_offsets": [4, 4]},
}
INDEX = {
    "metadata": {"total_size": 38},
    "weight_map": {"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"},
}


def weights(header):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(34)


def put(api, repo, **files):
    operations = [CommitOperationAdd(name, content) for name, content in files.items()]
    api.create_commit(repo, operations, commit_message="weights")


def put_sharded(api, repo, folder=""):
    files = {"1.safetensors": weights(FIRST), "2.safetensors": weights(SECOND)}
    files["model.safetensors.index.json"] = json.dumps(INDEX).encode()
    operations = [CommitOperationAdd(folder + name, content) for name, content in files.items()]
    api.create_commit(repo, operations, commit_message="weights")


def test_parameters_of_one_file_are_counted(api, repo):
    assert api.model_info(repo).safetensors is None
    put(api, repo, **{"model.safetensors": weights(FIRST)})
    told = api.model_info(repo).safetensors
    assert (told.parameters, told.total) == ({"F32": 6, "BF16": 5}, 11)
    assert api.model_info(repo, expand=["safetensors"]).safetensors == told
    assert api.model_info(repo, expand=["sha"]).safetensors is None


def test_parameters_of_several_files_are_counted_together(api, repo):
    put_sharded(api, repo)
    assert api.model_info(repo).safetensors.parameters == {"F32": 7, "BF16": 5}


@pytest.mark.parametrize("folder", ["", "fp32/"])
def test_headers_come_in_one_answer(api, repo, folder):
    put_sharded(api, repo, folder)
    told = api.get_sharded_safetensors_metadata(repo, filename=f"{folder}model.safetensors.index.json")
    assert (told.metadata, told.sharded) == (INDEX["metadata"], True)
    assert told.weight_map == {**INDEX["weight_map"], "d": "2.safetensors"}
    assert told.files_metadata["1.safetensors"].metadata == FIRST["__metadata__"]
    if not folder:
        assert api.get_safetensors_metadata(repo).files_metadata == told.files_metadata


BROKEN = {
    "no header": b"",
    "a header that is cut off": weights(FIRST)[:30],
    "an endless header": struct.pack("<Q", 2**63) + b"{}",
    "no JSON": struct.pack("<Q", 4) + b"none",
    "no object": struct.pack("<Q", 2) + b"[]",
    "no tensors": weights({"__metadata__": {}}),
    "no shape": weights({"a": {"dtype": "F32"}}),
    "a negative shape": weights({"a": {"dtype": "F32", "shape": [-1]}}),
    "no type": weights({"a": {"shape": [1]}}),
    "a text for a tensor": weights({"a": "F32"}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_broken_file_leaves_nothing_to_tell(hub, api, repo, content):
    index = json.dumps({"weight_map": {"a": "model.safetensors"}}).encode()
    put(api, repo, **{"model.safetensors": content, "index.json": index})
    assert api.model_info(repo).safetensors is None
    with pytest.raises(HfHubHTTPError) as refused:
        api.get_sharded_safetensors_metadata(repo, filename="index.json")
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize(
    ("index", "status"),
    [(b"{}", 400), (b"none", 400), (b'{"weight_map": {"a": 1}}', 400), (b'{"weight_map": {"a": "gone"}}', 404)],
)
def test_bad_index_is_refused(hub, api, repo, index, status):
    put(api, repo, **{"index.json": index})
    address = f"{hub.url}/api/models/{repo}/safetensors-metadata"
    assert get_session().get(f"{address}/index.json").status_code == status
    assert get_session().get(f"{address}/none.json").status_code == 404
