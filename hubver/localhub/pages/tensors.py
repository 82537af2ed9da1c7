"""What a safetensors file holds, from its header alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from typing import Any

_LENGTH_BYTES = 8  # https://huggingface.co/docs/safetensors#format
_LONGEST_HEADER = 2 * 2**20
_SHOWN = 500
_LONGEST_NAME = 200
_MOST_DIMENSIONS = 16


@dataclass(frozen=True)
class Tensor:
    """One of the tensors: its name, type and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Tensors:
    """The tensors of a file: the first ones by name, how many there are, and the numbers they all hold."""

    shown: list[Tensor]
    count: int
    parameters: int


def read_tensors(file: BinaryIO, size: int) -> Tensors | None:
    """Read the header of a file of `size` bytes; None if it is none, or too long for a page."""
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if not 1 < length <= min(size - _LENGTH_BYTES, _LONGEST_HEADER):
        return None
    try:
        header = json.loads(file.read(length))
        found = [_tensor(name, facts) for name, facts in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    found.sort(key=lambda tensor: tensor.name)
    return Tensors(found[:_SHOWN], len(found), sum(prod(tensor.shape) for tensor in found))


def _tensor(name: str, facts: dict[str, Any]) -> Tensor:
    shape = tuple(facts["shape"][:_MOST_DIMENSIONS])
    if not all(isinstance(length, int) and 0 <= length < 2**48 for length in shape):
        raise ValueError(name)
    return Tensor(name[:_LONGEST_NAME], str(facts["dtype"])[:16], shape)
