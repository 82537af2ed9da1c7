"""What loading would read is told from the files alone, as transformers and peft choose among them."""

from __future__ import annotations

import json

import pytest

from hubver import safe_weights
from hubver.errors import Unsafe

INDEX = "model.safetensors.index.json"


def index(*files: str) -> bytes:
    return json.dumps(
        {"metadata": {}, "weight_map": {f"w{number}": file for number, file in enumerate(files)}}
    ).encode()


def names(weights: str) -> bytes:
    return json.dumps({"transformers_weights": weights}).encode()


GOOD = {
    "one file": {"model.safetensors": b"", "pytorch_model.bin": b""},
    "shards": {INDEX: index("a.safetensors", "b.safetensors"), "pytorch_model.bin": b""},
    "a file that is named": {"config.json": names("x.safetensors"), "x.safetensors": b"", "adapter_model.bin": b""},
    "an adapter": {"adapter_config.json": b"{}", "adapter_model.safetensors": b"", "adapter_model.bin": b""},
    "no weights": {"config.json": b"{}"},
    "no folder": None,
}
BAD = {
    "a pickle": ({"config.json": b"{}", "pytorch_model.bin": b""}, "pytorch_model.bin"),
    "shards of a pickle": ({"pytorch_model.bin.index.json": b"{}", "a-1.bin": b"", "b-2.bin": b""}, "a-1.bin, b-2.bin"),
    "a pickle among shards": ({INDEX: index("a.safetensors", "b.bin")}, "b.bin"),
    "a pickle that is named": (
        {"config.json": names("adapter_model.bin"), "adapter_model.bin": b"", "model.safetensors": b""},
        "adapter_model.bin",
    ),
    "a named index of pickles": (
        {"config.json": names("x.safetensors.index.json"), "x.safetensors.index.json": index("c.bin")},
        "c.bin",
    ),
    "an adapter": (
        {"adapter_config.json": b"{}", "adapter_model.bin": b"", "model.safetensors": b""},
        "adapter_model.bin",
    ),
    "a configuration that is none": ({"config.json": b"[", "pytorch_model.pt": b""}, "pytorch_model.pt"),
}


def laid(folder, files):
    for path, content in (files or {}).items():
        (folder / path).write_bytes(content)
    return folder if files is not None else folder / "nowhere"


@pytest.mark.parametrize("files", GOOD.values(), ids=GOOD)
def test_safetensors_are_let_through(tmp_path, files):
    safe_weights.check("it", laid(tmp_path, files))


@pytest.mark.parametrize(("files", "found"), BAD.values(), ids=BAD)
def test_a_pickle_is_refused_wherever_loading_would_come_to_it(tmp_path, files, found):
    with pytest.raises(Unsafe, match="The weights of it are a pickle") as caught:
        safe_weights.check("it", laid(tmp_path, files))
    assert caught.value.found == found
