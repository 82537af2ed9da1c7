from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from hubver.errors import BadInput
from hubver.record.folder.tensor_scan import TensorScan, check_numbers, doubts

NUMPY = {"F64": np.float64, "F32": np.float32, "F16": np.float16}
LARGEST = {"F64": 1.7e308, "F32": 3.4e38, "F16": 65504.0, "BF16": 3.38e38}


def encode(dtype: str, values) -> bytes:
    if dtype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return np.array(values, NUMPY[dtype]).tobytes()


def scanned(tensors: dict[str, tuple[str, bytes]], piece: int = 1 << 20, width: int = 1):
    header, buffer = {}, b""
    for name, (dtype, data) in tensors.items():
        size = len(data) * 8 // {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I32": 32}.get(dtype, 8)
        header[name] = {"dtype": dtype, "shape": [size], "data_offsets": [len(buffer), len(buffer) + len(data)]}
        buffer += data
    raw = json.dumps(header).encode()
    whole = struct.pack("<Q", len(raw)) + raw + buffer
    from hubver.record.folder.safetensors_header import parse_header

    scan = TensorScan("a.safetensors", parse_header(raw, len(buffer), "a"), len(whole) - len(buffer))
    for start in range(0, len(whole), piece):
        scan.update(memoryview(whole)[start : start + piece])
    return scan.finish()


ORDINARY = [0.0, -0.0, 1.0, -1.5, 1e-40]


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 64, 1 << 20])
@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_what_is_not_finite_is_found_however_the_file_is_cut(dtype, piece):
    large = [LARGEST[dtype], -LARGEST[dtype]]
    odd = ("U8", b"\x7f")  # so that no tensor begins where a number would
    for number, (value, expected) in enumerate(
        [(1.0, (None, None)), (float("nan"), ("w", None)), (float("inf"), (None, "w")), (float("-inf"), (None, "w"))]
    ):
        values = [*ORDINARY, *large] * 3
        values.insert(number * 4, value)
        seen = scanned({"odd": odd, "w": (dtype, encode(dtype, values)), "z": (dtype, encode(dtype, ORDINARY))}, piece)
        assert (seen.nan, seen.infinite) == expected, value


def test_every_number_of_16_bits_is_told_as_numpy_tells_it():
    for bits in range(0, 1 << 16, 7):
        data = struct.pack("<H", bits)
        half = np.frombuffer(data, np.float16)[0]
        brain = np.frombuffer(b"\0\0" + data, np.float32)[0]
        for dtype, value in (("F16", half), ("BF16", brain)):
            seen = scanned({"w": (dtype, data)})
            assert (seen.nan == "w", seen.infinite == "w") == (bool(np.isnan(value)), bool(np.isinf(value))), bits


@pytest.mark.parametrize(
    ("dtype", "nan"),
    [
        ("F8_E4M3", [0x7F, 0xFF]),
        ("F8_E5M2", [0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF]),
        ("F8_E8M0", [0xFF]),
        ("F8_E4M3FNUZ", [0x80]),
        ("F8_E5M2FNUZ", [0x80]),
    ],
)
def test_numbers_of_8_bits(dtype, nan):
    found = [byte for byte in range(256) if scanned({"w": (dtype, bytes([byte]))}).nan]
    assert found == nan


def test_integers_are_no_numbers_that_could_be_nan():
    assert scanned({"w": ("I32", b"\xff" * 8), "b": ("U8", b"\x7f\xff")}).nan is None


@pytest.mark.parametrize(
    ("tensors", "updates"),
    [
        ({"w": b"\0" * 8}, None),
        ({"x.lora_A.weight": b"\1" * 8, "x.lora_B.weight": b"\0" * 8}, False),
        ({"x.lora_A.weight": b"\0" * 8, "x.lora_B.weight": b"\0" * 7 + b"\1"}, True),
        ({"x.lora_B.weight": b"\0" * 8, "y.lora_B.default.weight": b"\1" * 8}, True),
        ({"x.lora_embedding_B": b"\0" * 8}, False),
    ],
)
@pytest.mark.parametrize("piece", [3, 1 << 20])
def test_an_adapter_that_changes_nothing(tensors, updates, piece):
    seen = scanned({name: ("F32", data) for name, data in tensors.items()}, piece)
    assert seen.updates is updates
    words = [doubt for doubt in doubts({"a": seen}) if "changes nothing" in doubt]
    assert len(words) == (updates is False)


def test_a_file_that_shrinks_while_it_is_read(tmp_path, safetensors_bytes):
    file = tmp_path / "a.safetensors"
    file.write_bytes(safetensors_bytes({"w": (100,)}))
    scan = TensorScan.of("a.safetensors", file)
    scan.update(memoryview(file.read_bytes())[:200])
    with pytest.raises(BadInput, match="became shorter while it was read"):
        scan.finish()


def test_nan_is_refused_with_the_tensor_s_name():
    seen = scanned({"layers.0.q": ("F32", encode("F32", [float("nan")]))})
    with pytest.raises(BadInput, match=r"NaN in layers\.0\.q"):
        check_numbers({"model.safetensors": seen})
    assert doubts({"a": scanned({"w": ("F16", encode("F16", [float("inf")]))})}) == ("a holds an infinity, in w",)
