"""The arithmetic: tensors from bytes, and the size, direction and spectrum of `B @ A` without ever forming it.

With the Gram matrices of A and B, which are only rank x rank:

- ||BA||² = tr((BᵀB)(AAᵀ)), and <B₁A₁, B₂A₂> = tr((B₁ᵀB₂)(A₂A₁ᵀ)), since tr(XY) = tr(YX);
- the singular values of BA are the square roots of the eigenvalues of S (BᵀB) S, where S is the root of AAᵀ.

Grams are added up in float32, and everything after them in float64; singular values below a thousandth of the largest are
within rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

_PLAIN = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
FLOATS = frozenset({*_PLAIN, "BF16"})
# Below this share of the largest singular value there is only rounding.
_NOISE = 1e-3
_MOST_PRODUCTS, _LEAST_PIECE = 1 << 18, 16


@dataclass(frozen=True)
class Half:
    """One side's update of one module: A as (rank, in), B as (out, rank), and the scale."""

    a: Array
    b: Array
    scale: float


@dataclass(frozen=True)
class Measured:
    """What an update is.

    Attributes:
        norm: its Frobenius norm, scaled.
        singular_values: the largest first, scaled; as many as the rank.
        effective_rank: exp of the entropy of the singular values' shares (Roy and Vetterli, "The effective rank: a
            measure of effective dimensionality", EUSIPCO 2007): 1 for one direction, the rank for equal ones; 0 for an
            update of nothing.
    """

    norm: float
    singular_values: tuple[float, ...]
    effective_rank: float


def decoded(data: memoryview, dtype: str, shape: Sequence[int]) -> Array:
    """A tensor's values as float32 (float64 for F64), without a copy where the bytes are float32 already.

    Args:
        dtype: one of `FLOATS`.
    """
    if dtype == "BF16":
        # bfloat16 is the upper half of float32.
        wide = np.frombuffer(data, dtype="<u2").astype("<u4")
        wide <<= 16
        return wide.view("<f4").reshape(shape)
    values = np.frombuffer(data, dtype=_PLAIN[dtype])
    return (values.astype("<f4") if dtype == "F16" else values).reshape(shape)


def half(a: Array, b: Array, scale: float) -> Half:
    """A pair as matrices: a convolution's kernel belongs to its input (PEFT's `get_delta_weight`)."""
    return Half(a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1), scale)


def measure(update: Half) -> Measured | None:
    """The size and the spectrum of an update; None where it holds NaN or infinity."""
    inner, outer = _gram(update.a, update.a), _gram(update.b.T, update.b.T)
    if not (np.isfinite(inner).all() and np.isfinite(outer).all()):
        return None
    root = _root(inner)
    squares = np.linalg.eigvalsh(root @ outer @ root)[::-1]
    values = abs(update.scale) * np.sqrt(np.clip(squares, 0.0, None))
    return Measured(float(np.sqrt(np.sum(values**2))), tuple(map(float, values)), effective_rank(values))


def inner_product(one: Half, other: Half) -> float:
    """<ΔW₁, ΔW₂>, scaled.

    Args:
        other: of the same module, so that in and out agree; the ranks need not.
    """
    return one.scale * other.scale * float(np.sum(_gram(one.b.T, other.b.T) * _gram(one.a, other.a)))


def effective_rank(values: Array | Sequence[float]) -> float:
    """See `Measured`."""
    known = np.asarray(values, dtype=np.float64)
    if known.size == 0 or known.max() <= 0:
        return 0.0
    shares = known[known > _NOISE * known.max()]
    shares = shares / shares.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def cosine(product: float, one: float, other: float) -> float | None:
    """Of two updates with these norms; None where one of them is nothing, or no number."""
    size = one * other
    if not math.isfinite(size) or not math.isfinite(product) or size <= 0.0:
        return None
    return max(-1.0, min(1.0, product / size))


def _gram(one: Array, other: Array) -> Array:
    """`one @ other.T`, of (rank, length) and (rank, length), added up from pieces along the length.

    A piece is small enough that OpenBLAS gives it no threads of its own (interface/gemm.c: up to 2**18 multiplications):
    with threads here already, those would wait for each other. It also keeps sums in float32 short.
    """
    width = max(_LEAST_PIECE, _MOST_PRODUCTS // max(1, one.shape[0] * other.shape[0]))
    whole = one.shape[1] // width * width
    shape = (one.shape[1] // width, width)
    left, right = (part[:, :whole].reshape(part.shape[0], *shape).swapaxes(0, 1) for part in (one, other))
    total: Array = np.matmul(left, right.swapaxes(1, 2)).sum(axis=0, dtype=np.float64)
    rest: Array = one[:, whole:] @ other[:, whole:].T
    return total + rest


def _root(gram: Array) -> Array:
    values, vectors = np.linalg.eigh(gram)
    root: Array = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    return root
