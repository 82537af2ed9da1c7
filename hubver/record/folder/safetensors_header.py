"""Read the header of a safetensors file, and nothing else: no torch, and milliseconds for any size.

The format (huggingface/safetensors, README, "Format"): 8 bytes little-endian length N, N bytes of a JSON object that
starts with `{`, then the buffer. Offsets are relative to the buffer, which they must cover without holes or overlap.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

# The reference reader's own bound, so that a lying length cannot make us read gigabytes.
_MAX_HEADER = 100_000_000
# What is noted beside the tensors is looked through for secrets, as a configuration is.
_MAX_METADATA = 4 << 20
_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


@dataclass(frozen=True)
class TensorHeader:
    """A tensor's dtype in safetensors' words (`F32`, `BF16`), its shape, and its bytes [start, end) in the buffer."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_header(path: Path) -> dict[str, TensorHeader]:
    """The tensors of a file, by name.

    Raises:
        BadInput: the file is cut short, or its header is not what the format says.
    """
    raw, size = _read(path)
    return parse_header(raw, size, path.name)


def read_metadata(path: Path) -> dict[str, str]:
    """What the writer noted of a whole file: `__metadata__`, text by text.

    Raises:
        BadInput: the header is not what the format says, or it notes more than 4 MiB.
    """
    raw, _ = _read(path)
    noted = _parsed(path.name, raw).get("__metadata__", {})
    if not isinstance(noted, dict) or not all(isinstance(value, str) for value in noted.values()):
        raise _bad(path.name, "texts in __metadata__", json.dumps(noted)[:80])
    size = sum(len(name) + len(value) for name, value in noted.items())
    if size > _MAX_METADATA:
        raise _bad(path.name, f"at most {_MAX_METADATA:,} letters in __metadata__", f"{size:,}")
    return noted


def _read(path: Path) -> tuple[bytes, int]:
    """The header, and how many bytes follow it."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = header_length(file.read(8), size, path.name)
            return file.read(length), size - 8 - length
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.", hint=f"See: ls -l {path}") from None


def header_length(prefix: bytes, size: int, name: str) -> int:
    """The length of the header, from the file's first 8 bytes.

    Args:
        prefix: those bytes, or all of a shorter file.
        size: the file's.
        name: the file's, for the error.

    Raises:
        BadInput: the file cannot hold such a header.
    """
    if len(prefix) < 8:
        raise _bad(name, "at least 8 bytes", f"{size}")
    length = int.from_bytes(prefix, "little")
    if length > min(_MAX_HEADER, size - 8):
        raise _bad(name, f"a header of at most {min(_MAX_HEADER, size - 8)} bytes", f"a length of {length}")
    return length


def parse_header(raw: bytes, buffer_size: int, name: str) -> dict[str, TensorHeader]:
    """The tensors that a header lists, by name.

    Args:
        raw: the header.
        buffer_size: bytes that follow it in the file.
        name: the file's, for the error.

    Raises:
        BadInput: the header is not what the format says, or the file is cut short.
    """
    tensors = _tensors(name, raw)
    _check_cover(name, tensors, buffer_size)
    return tensors


def _bad(name: str, expected: str, found: str) -> BadInput:
    return BadInput(
        f"{name} is not a whole safetensors file.",
        expected=expected,
        found=found,
        hint="Save the model again; the file was cut short or is not safetensors.",
    )


def _tensors(file: str, raw: bytes) -> dict[str, TensorHeader]:
    return {name: _tensor(file, name, entry) for name, entry in _parsed(file, raw).items() if name != "__metadata__"}


def _parsed(file: str, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw, object_pairs_hook=_unique)
    except _TwiceError as error:
        raise _bad(file, "each name once", f"{error} twice") from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise _bad(file, "a JSON header", "bytes that are not JSON") from None
    if not isinstance(header, dict):
        raise _bad(file, "a JSON object as header", type(header).__name__)
    return header


class _TwiceError(Exception):
    """A name that stands twice in one object: readers differ in which of the two they take."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(repr(next(name for name in found if names.count(name) > 1))[:80])
    return found


def _tensor(file: str, name: str, entry: Any) -> TensorHeader:
    try:
        dtype, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        bits = _BITS[dtype]
        whole = all(type(number) is int and number >= 0 for number in (*shape, start, end))
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise _bad(file, f"dtype, shape and data_offsets of the tensor {name[:80]!r}", json.dumps(entry)[:80])
    if (end - start) * 8 != math.prod(shape) * bits:
        raise _bad(file, f"{math.prod(shape) * bits // 8} bytes for the tensor {name[:80]!r}", f"{end - start}")
    return TensorHeader(dtype, shape, start, end)


def _check_cover(file: str, tensors: dict[str, TensorHeader], size: int) -> None:
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != position:
            raise _bad(file, f"the tensor {name[:80]!r} to start at byte {position}", f"{tensor.start}")
        position = tensor.end
    if position != size:
        raise _bad(file, f"{position} bytes of tensors", f"{size}")
