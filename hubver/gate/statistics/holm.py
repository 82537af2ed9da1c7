"""Holm's step-down correction: many tests, and the probability of any false rejection stays at most alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Each p-value after correction, in the given order: reject where it is at most alpha.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979). It
    assumes nothing about how the tests depend on each other, and is never less powerful than Bonferroni's.
    """
    corrected = [1.0] * len(p_values)
    so_far = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        so_far = max(so_far, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = so_far
    return tuple(corrected)
