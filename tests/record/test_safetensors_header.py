from __future__ import annotations

import json
import struct

import pytest

from hubver.errors import BadInput
from hubver.record.folder.safetensors_header import read_header


def file_of(header: object, buffer: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + buffer


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_what_the_reference_library_writes_is_read(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    import numpy as np

    path = tmp_path / "a.safetensors"
    arrays = {"a": np.zeros((2, 3), np.float16), "b": np.zeros((), np.int64), "c": np.zeros((0, 4), np.float32)}
    numpy.save_file(arrays, path, metadata={"format": "pt"})
    found = read_header(path)
    assert {name: (header.dtype, header.shape) for name, header in found.items()} == {
        "a": ("F16", (2, 3)),
        "b": ("I64", ()),
        "c": ("F32", (0, 4)),
    }


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b"", "found 0", id="empty"),
        pytest.param(b"\1\2\3", "found 3", id="shorter than its length field"),
        pytest.param(struct.pack("<Q", 100) + b"{}", "a length of 100", id="header longer than the file"),
        pytest.param(struct.pack("<Q", 2**63) + b"{}", "a length of", id="absurd length"),
        pytest.param(file_of(b"\xff\xfe"), "not JSON", id="not UTF-8"),
        pytest.param(file_of(b"[" * 50_000), "not JSON", id="deep nesting"),
        pytest.param(file_of([]), "list", id="not an object"),
        pytest.param(file_of({"a": 1}), "found 1", id="entry is a number"),
        pytest.param(file_of({"a": {"dtype": "F32"}}), "dtype", id="entry is incomplete"),
        pytest.param(file_of({"a": tensor(dtype="X9")}, b"\0" * 8), "X9", id="unknown dtype"),
        pytest.param(file_of({"a": tensor(dtype=["F32"])}, b"\0" * 8), "F32", id="dtype is a list"),
        pytest.param(file_of({"a": tensor(shape=(-2,))}, b"\0" * 8), "-2", id="negative shape"),
        pytest.param(file_of({"a": tensor(shape=(True, 2))}, b"\0" * 8), "true", id="shape of truth values"),
        pytest.param(file_of({"a": tensor(shape=(3,))}, b"\0" * 8), "12 bytes", id="shape and offsets disagree"),
        pytest.param(file_of({"a": tensor()}, b"\0" * 7), "found 7", id="cut short"),
        pytest.param(file_of({"a": tensor()}, b"\0" * 9), "found 9", id="bytes left over"),
        pytest.param(file_of({"a": tensor(offsets=(4, 12))}, b"\0" * 12), "start at byte 0", id="hole"),
        pytest.param(file_of({"a": tensor(), "b": tensor()}, b"\0" * 8), "start at byte 8", id="overlap"),
    ],
)
def test_a_broken_file_is_refused_with_what_is_wrong(tmp_path, data, found):
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"model\.safetensors is not a whole") as raised:
        read_header(path)
    assert found in str(raised.value)
