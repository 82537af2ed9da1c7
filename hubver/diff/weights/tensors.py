"""Tensors that are no half of a LoRA update: whole models, saved modules, biases, magnitudes, other kinds of adapters."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubver.diff.weights.numbers import FLOATS, decoded
from hubver.diff.weights.reading import PIECE, part, pieces, read, spread
from hubver.diff.weights.results import TensorCompared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hubver.diff.weights.files import Opened, Stored
    from hubver.diff.weights.numbers import Array

_LAYER = re.compile(r"\.(\d+)\.")
_WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True)
class Shared:
    """A tensor that both sides have in one shape."""

    name: str
    a: Stored
    b: Stored

    @property
    def numeric(self) -> bool:
        """Whether both sides hold floating-point numbers, whose difference means something."""
        return self.a.dtype in FLOATS and self.b.dtype in FLOATS


def plan(a: Opened, b: Opened, one: Iterable[str], other: Iterable[str]) -> tuple[list[Shared], list[TensorCompared]]:
    """Which tensors to compare, and those of which that cannot be.

    Args:
        one: names of A's that are no half of an update.
        other: likewise of B's.
    """
    shared, lonely = [], []
    left, right = dict.fromkeys(one), dict.fromkeys(other)
    for name in {**left, **right}:
        if name not in left or name not in right:
            lonely.append(TensorCompared(name, "a" if name in left else "b", None, None, _layer(name)))
        elif a.tensors[name].shape != b.tensors[name].shape:
            shapes = " → ".join(str(list(opened.tensors[name].shape)) for opened in (a, b))
            lonely.append(TensorCompared(name, "both", None, None, _layer(name), f"other shapes: {shapes}"))
        else:
            shared.append(Shared(name, a.tensors[name], b.tensors[name]))
    return shared, lonely


def size(item: Shared) -> int:
    """The bytes to read of both sides."""
    return sum(stored.end - stored.start for stored in (item.a, item.b))


def same(items: Sequence[Shared]) -> list[TensorCompared]:
    """Of files that are the same bytes."""
    return [TensorCompared(item.name, "both", True, 0.0, _layer(item.name)) for item in items]


def compare(items: Sequence[Shared], done: Callable[[int], None]) -> list[TensorCompared]:
    """Compare tensors, a part at a time.

    Args:
        done: told the bytes of each that is done.
    """
    found: dict[str, TensorCompared] = {}

    def work(piece: list[Shared]) -> None:
        if len(piece) == 1 and size(piece[0]) > PIECE:
            found[piece[0].name] = _compared(piece[0], part)
            return
        # Many small ones: neighbours come in one read.
        held = {id(stored): data for stored, data in _held(piece)}
        for item in piece:
            found[item.name] = _compared(item, lambda stored, start, end: held[id(stored)][start:end])

    spread(work, list(pieces(items, size)), lambda piece: done(sum(map(size, piece))))
    return [found[item.name] for item in items]


def _held(piece: list[Shared]) -> Iterator[tuple[Stored, memoryview]]:
    for side in ([item.a for item in piece], [item.b for item in piece]):
        data = read(side)
        yield from ((stored, data[stored.name]) for stored in side)


def _compared(item: Shared, get: Callable[[Stored, int, int], memoryview]) -> TensorCompared:
    """Compare one tensor, in parts that are small enough for any memory.

    Args:
        get: gives the bytes of a tensor from one place in it up to another.
    """
    if not item.numeric:
        equal = item.a.dtype == item.b.dtype and _same_bytes(item, get)
        note = None if equal else "not numbers that can be subtracted"
        return TensorCompared(item.name, "both", equal, 0.0 if equal else None, _layer(item.name), note)
    equal, distance, norm = True, 0.0, 0.0
    count = math.prod(item.a.shape)
    step = PIECE // max(_WIDTHS[item.a.dtype], _WIDTHS[item.b.dtype])
    for start in range(0, count, step):
        one, other = (_values(stored, start, min(count, start + step), get) for stored in (item.a, item.b))
        equal = equal and bool(np.array_equal(one, other))
        gap = other - one
        distance += float(np.sum(gap * gap, dtype=np.float64))
        norm += float(np.sum(one * one, dtype=np.float64))
    relative = 0.0 if equal else math.sqrt(distance / norm) if norm > 0 and math.isfinite(distance / norm) else None
    return TensorCompared(item.name, "both", equal, relative, _layer(item.name))


def _values(stored: Stored, start: int, end: int, get: Callable[[Stored, int, int], memoryview]) -> Array:
    width = _WIDTHS[stored.dtype]
    return decoded(get(stored, start * width, end * width), stored.dtype, (end - start,))


def _same_bytes(item: Shared, get: Callable[[Stored, int, int], memoryview]) -> bool:
    length = item.a.end - item.a.start
    return length == item.b.end - item.b.start and all(
        get(item.a, start, min(start + PIECE, length)) == get(item.b, start, min(start + PIECE, length))
        for start in range(0, length, PIECE)
    )


def _layer(name: str) -> int | None:
    found = _LAYER.search(name)
    return int(found[1]) if found else None
