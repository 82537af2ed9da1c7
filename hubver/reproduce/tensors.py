"""How far two files of weights are apart: tensor by tensor, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import MissingPackage
from hubver.record.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hubver.record.safetensors_header import TensorHeader

# A multiple of every dtype's size; as 64-bit numbers it is eight times as large at most.
_PIECE = 16 << 20
_NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}


@dataclass(frozen=True)
class Distance:
    """How far apart two models are.

    Attributes:
        tensors: how many they have in common.
        identical: how many of those have the same bytes.
        max_abs: the largest difference of two numbers; None where a tensor cannot be read as numbers.
        cosine: of all weights as one vector, -1 to 1; None like `max_abs`.
        worst: the tensor with the largest difference.
        only_one_has: tensors that only one of them has, or has in another shape or dtype.
    """

    tensors: int
    identical: int
    max_abs: float | None
    cosine: float | None
    worst: str | None
    only_one_has: tuple[str, ...]


@dataclass
class _Sums:
    product: float = 0.0
    one: float = 0.0
    other: float = 0.0
    max_abs: float = 0.0
    worst: str | None = None
    readable: bool = True


def distance(recorded: Mapping[str, Path], produced: Mapping[str, Path]) -> Distance:
    """Compare two models, each as its safetensors files by their paths in the repository.

    Tensors with the same bytes count as they are; of the others every number is looked at, one tensor at a time.

    Raises:
        BadInput: a file is not whole.
        MissingPackage: numpy is not installed.
    """
    one, other = _tensors(recorded), _tensors(produced)
    lone = sorted(one.keys() ^ other.keys())
    shared = sorted(one.keys() & other.keys())
    odd = [name for name in shared if _form(one[name][1]) != _form(other[name][1])]
    sums, identical = _Sums(), 0
    for name in shared:
        if name in odd:
            continue
        identical += _walk(sums, name, one[name], other[name])
    length = math.sqrt(sums.one) * math.sqrt(sums.other)
    cosine = min(1.0, max(-1.0, sums.product / length)) if length else float(sums.one == sums.other)
    known = sums.readable and math.isfinite(cosine) and math.isfinite(sums.max_abs)
    return Distance(
        tensors=len(shared),
        identical=identical,
        max_abs=sums.max_abs if known else None,
        cosine=cosine if known else None,
        worst=sums.worst,
        only_one_has=(*lone, *odd),
    )


def _tensors(files: Mapping[str, Path]) -> dict[str, tuple[Path, TensorHeader]]:
    return {name: (file, header) for file in files.values() for name, header in read_header(file).items()}


def _form(header: TensorHeader) -> tuple[str, tuple[int, ...]]:
    return header.dtype, header.shape


def _walk(sums: _Sums, name: str, one: tuple[Path, TensorHeader], other: tuple[Path, TensorHeader]) -> bool:
    """Add up one tensor, piece by piece; whether its bytes are the same."""
    same = True
    for first, second in zip(_pieces(*one), _pieces(*other), strict=True):
        same &= first == second
        _add(sums, name, one[1].dtype, first, second)
    return same


def _pieces(path: Path, header: TensorHeader) -> Iterator[bytes]:
    """A tensor's bytes; what its header says of them was checked against the file's size."""
    with path.open("rb") as file:
        start = int.from_bytes(file.read(8), "little") + 8
        file.seek(start + header.start)
        left = header.end - header.start
        while left:
            piece = file.read(min(left, _PIECE))
            left -= len(piece)
            yield piece


def _add(sums: _Sums, name: str, dtype: str, first: bytes, second: bytes) -> None:
    import_numpy()
    import numpy as np

    one, other = _numbers(dtype, first), _numbers(dtype, second)
    if one is None or other is None:
        sums.readable &= first == second
        sums.worst = sums.worst if first == second else name
        return
    # Overflow of what is no finite weight shows as NaN, which is told as unreadable.
    with np.errstate(all="ignore"):
        sums.product += float(one @ other)
        sums.one += float(one @ one)
        sums.other += float(other @ other)
        apart = float(np.abs(one - other).max()) if one.size and first != second else 0.0
    if not apart <= sums.max_abs:  # also where it is NaN
        sums.max_abs, sums.worst = apart, name


def _numbers(dtype: str, raw: bytes) -> Any:
    """The numbers as 64-bit floats; None of a dtype that numpy has no name for."""
    import numpy as np

    if dtype == "BF16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").astype("f8")
    return np.frombuffer(raw, _NUMPY[dtype]).astype("f8") if dtype in _NUMPY else None


def import_numpy() -> None:
    """Raise where numpy is missing.

    Raises:
        MissingPackage: it is.
    """
    from importlib.util import find_spec

    if find_spec("numpy") is None:
        raise MissingPackage("Comparing weights needs numpy.", hint="Install it with: pip install 'hubver[gate]'")
