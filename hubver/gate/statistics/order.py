"""The one order in which examples are looked at, and sums that do not depend on any."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def shuffled(ids: Sequence[str], seed: int) -> list[str]:
    """The ids in an order that depends on the seed and the ids only, never on the order they came in.

    Each id is ranked by the SHA-256 of seed and id, so that every machine and every Python finds the same order, and
    the first of many ids, or those of one slice, are in the order that they have among all.
    """
    return sorted(ids, key=lambda name: (hashlib.sha256(f"{seed}\x00{name}".encode()).digest(), name))


def in_order(scores: Mapping[str, float], seed: int) -> list[float]:
    """The scores in the order of their shuffled ids."""
    return [float(scores[name]) for name in shuffled(list(scores), seed)]


def mean(scores: Mapping[str, float]) -> float:
    """The mean of the scores, summed exactly so that their order does not matter.

    Raises:
        ValueError: there are none.
    """
    if not scores:
        raise ValueError("The mean of no scores is not defined.")
    return math.fsum(scores.values()) / len(scores)
