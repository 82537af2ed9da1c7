from __future__ import annotations

import json
import math
import struct
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from hubver.errors import BadInput
from hubver.record.folder.safetensors_header import parse_header
from hubver.record.folder.tensor_scan import TensorScan, check_numbers, doubts

NUMPY = {"F64": np.float64, "F32": np.float32, "F16": np.float16}
LARGEST = {"F64": 1.7e308, "F32": 3.4e38, "F16": 65504.0, "BF16": 3.38e38}


def encode(dtype: str, values) -> bytes:
    if dtype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return np.array(values, NUMPY[dtype]).tobytes()


def scanned(tensors: dict[str, tuple[str, bytes]], piece: int = 1 << 20):
    """What a scan says of a file of these tensors that is read so many bytes at a time."""
    whole, scan = a_file(tensors)
    for start in range(0, len(whole), piece):
        scan.update(memoryview(whole)[start : start + piece])
    return scan.finish()


def a_file(tensors: dict[str, tuple[str, bytes]]) -> tuple[bytes, TensorScan]:
    header, buffer = {}, b""
    for name, (dtype, data) in tensors.items():
        size = len(data) * 8 // {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I32": 32}.get(dtype, 8)
        header[name] = {"dtype": dtype, "shape": [size], "data_offsets": [len(buffer), len(buffer) + len(data)]}
        buffer += data
    raw = json.dumps(header).encode()
    whole = struct.pack("<Q", len(raw)) + raw + buffer
    return whole, TensorScan("a.safetensors", parse_header(raw, len(buffer), "a"), len(whole) - len(buffer))


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


def test_numbers_of_16_bits_are_told_as_numpy_tells_it():
    edges = [edge + near for edge in (0, 0x7C00, 0x7F80, 0x8000, 0xFC00, 0xFF80, 0xFFFD) for near in range(3)]
    for bits in {*range(0, 1 << 16, 61), *edges, 0x7BFF, 0x7F7F, 0x7FFF, 0xFBFF, 0xFF7F}:
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


# How the numbers of a format are read one by one: `struct`'s code after so many bytes of padding.
ONE_BY_ONE = {"F64": ("<d", 0), "F32": ("<f", 0), "BF16": ("<f", 2), "F16": ("<e", 0), "F8_E5M2": ("<e", 1)}
NAN_OF_8_BITS = {"F8_E4M3": b"\x7f\xff", "F8_E8M0": b"\xff", "F8_E4M3FNUZ": b"\x80", "F8_E5M2FNUZ": b"\x80"}


def plainly(tensors: dict[str, tuple[str, bytes]]) -> tuple[str | None, str | None, bool | None]:
    """What `scanned` should say, found number by number."""
    odd = {"nan": None, "infinite": None}
    for name, (dtype, data) in tensors.items():
        if dtype in ONE_BY_ONE:
            code, padding = ONE_BY_ONE[dtype]
            width = struct.calcsize(code) - padding
            pieces = [data[start : start + width] for start in range(0, len(data), width)]
            values = [struct.unpack(code, bytes(padding) + piece)[0] for piece in pieces]
        else:
            values = [math.nan for byte in data if byte in NAN_OF_8_BITS.get(dtype, b"")]
        odd["nan"] = odd["nan"] or (name if any(map(math.isnan, values)) else None)
        odd["infinite"] = odd["infinite"] or (name if any(map(math.isinf, values)) else None)
    updates = [any(data) for name, (_, data) in tensors.items() if "lora_B" in name]
    return odd["nan"], odd["infinite"], any(updates) if updates else None


@some.composite
def some_tensors(draw) -> dict[str, tuple[str, bytes]]:
    """Tensors of every format, in which what is not finite is neither rare nor everywhere."""
    found = {}
    for number in range(draw(some.integers(1, 4))):
        dtype = draw(some.sampled_from([*ONE_BY_ONE, *NAN_OF_8_BITS, "I32", "U8"]))
        code, padding = ONE_BY_ONE.get(dtype, ("<i" if dtype == "I32" else "<B", 0))
        width = struct.calcsize(code) - padding
        edges = [b"\0", b"\x7f", b"\x80", b"\xff", b"\x7c", b"\xf0", b"\x3f", b"\x01"]
        one = some.lists(some.sampled_from(edges), min_size=width, max_size=width).map(b"".join)
        zeros = some.integers(0, 40).map(lambda count, width=width: [bytes(width * count)])
        data = b"".join(draw(zeros) + draw(some.lists(one | some.just(bytes(width)), max_size=4)) + draw(zeros))
        found[f"{number}.{draw(some.sampled_from(['weight', 'lora_B.weight']))}"] = (dtype, data)
    return found


@given(some_tensors(), some.lists(some.integers(0, 90), min_size=1, max_size=40))
@example({"a": ("F64", b"\0" * 6 + b"\xf0\x7f")}, [0, 1])
def test_a_scan_says_what_reading_number_by_number_says(tensors, lengths):
    whole, scan = a_file(tensors)
    cuts = [0, *(cut for cut in accumulate(lengths) if cut < len(whole)), len(whole)]
    for start, end in pairwise(cuts):
        scan.update(memoryview(whole)[start:end])
    seen = scan.finish()
    assert (seen.nan, seen.infinite, seen.updates) == plainly(tensors)


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
