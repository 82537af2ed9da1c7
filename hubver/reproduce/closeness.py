"""How near the weights of two runs are, measured by what training changed.

A whole model after a short training is nearly its base, and an adapter's A nearly its seed's: two runs that learned other
things would look alike. So the distance is taken between the updates: ||made - recorded|| / ||recorded - where it began||,
0 for the same weights, and about 1 and more for two runs that have little in common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import MissingPackage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubver.diff.weights.files import Opened
    from hubver.diff.weights.results import Module, TensorCompared, WeightsCompared


# Squares of norms are told apart to about this share in 32-bit arithmetic.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Distance:
    """How far apart the updates are.

    Attributes:
        error: as above; None where it cannot be told, as of other shapes, quantised weights, or NaN.
        cosine: of all LoRA updates together; None for a whole model.
        differing: names of the modules or tensors that differ, the farthest apart first.
        compared: how many there are.
        why_not: why `error` is None.
    """

    error: float | None
    cosine: float | None
    differing: tuple[str, ...]
    compared: int
    why_not: str | None = None


def distance(recorded: Opened, made: Opened, base: Opened | None) -> Distance:
    """Compare two models' weights.

    Args:
        recorded: as published.
        made: by the reproduction.
        base: what training started from, for a whole model; None where it is not at hand. Tensors that it lacks count as
            begun from nothing.

    Raises:
        MissingPackage: numpy is not installed.
        BadInput, HubUnreachable, HubFailed: a file cannot be read.
    """
    found = _compare(recorded, made)
    if found.not_compared:
        return Distance(None, None, (), 0, found.not_compared)
    whole = recorded.kind == "full"
    if whole and base is None:
        return Distance(None, None, (), 0, "where the whole model began is not known")
    start = {item.name: item for item in _compare(recorded, base).tensors} if whole and base is not None else {}
    modules = {module.name: _apart(module) for module in found.modules}
    tensors = {item.name: _moved(item, start) for item in found.tensors}
    parts = {**modules, **tensors}
    differing = sorted((name for name in parts if _differs(*parts[name])), key=lambda name: -parts[name][0])
    error = _together(parts)
    known = math.isfinite(error)
    return Distance(
        error if known else None,
        found.cosine,
        tuple(differing),
        len(parts),
        None if known else f"{differing[0]} has another shape, or numbers that cannot be compared",
    )


def _compare(one: Opened, other: Opened) -> WeightsCompared:
    try:
        from hubver.diff.weights.compare import compare
    except ImportError:
        raise MissingPackage("Comparing weights needs numpy.", hint="Install it with: pip install numpy") from None
    return compare(one, other, lambda _done, _of: None)


def _apart(module: Module) -> tuple[float, float]:
    """The squares of ||b - a|| and ||a|| of two LoRA updates; infinite where one is missing or has another shape."""
    if module.a is None or module.b is None:
        return math.inf, 1.0
    one, other = module.a.measured.norm, module.b.measured.norm
    if module.cosine is None and one and other:
        return math.inf, 1.0
    product = (module.cosine or 0.0) * one * other
    # Rounding may leave a little less than nothing.
    return max(0.0, one * one + other * other - 2 * product), one * one


def _differs(apart: float, way: float) -> bool:
    """Whether it is more than what the arithmetic itself rounds away."""
    return apart > _ROUNDING * way


def _moved(item: TensorCompared, start: Mapping[str, TensorCompared]) -> tuple[float, float]:
    """The same of a tensor, each as a share of the tensor's own size."""
    begun = start.get(item.name)
    way = begun.relative if begun is not None and begun.relative is not None else 1.0
    if item.same:
        return 0.0, way * way
    return (math.inf if item.relative is None else item.relative**2), way * way


def _together(parts: Mapping[str, tuple[float, float]]) -> float:
    apart, way = (math.fsum(part[which] for part in parts.values()) for which in (0, 1))
    return 0.0 if apart == 0 else math.sqrt(apart / way) if way else math.inf
