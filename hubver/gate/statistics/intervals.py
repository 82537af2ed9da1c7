"""Confidence intervals for means of bounded scores: every threshold that the bets have not refuted, at any time so far.

Each end is wrong with probability at most alpha, at every stopping time: it is where one of the two e-values of
`betting.evidence` first reaches 1 / alpha. So a decision and the interval that is shown beside it say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.statistics.betting import bets, check, mirrored, wealth
from hubver.gate.statistics.order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# 2**-30 is far below any threshold that a person writes down.
_BISECTIONS = 30


@dataclass(frozen=True)
class Interval:
    """A closed interval of which each end is wrong with probability at most alpha.

    Attributes:
        low: the lower end.
        high: the upper end; `low <= high`.
    """

    low: float
    high: float


def interval(values: Sequence[float], *, alpha: float, planned: int) -> Interval:
    """The interval for the mean of scores in [0, 1], in the order they are looked at.

    Args:
        values: at least one score.
        alpha: the probability that the low end lies above the true mean, and likewise the high end below; in (0, 1).
        planned: how many examples there will be at most; fixed before the first is seen.

    Raises:
        ValueError: no scores, a score outside [0, 1] or NaN, alpha outside (0, 1), or nothing planned.
    """
    if not values:
        raise ValueError("An interval needs at least one score.")
    check(values, alpha=alpha, planned=planned)
    chosen, goal = bets(values, alpha=alpha, planned=planned), 1.0 / alpha
    low = _lower_end(values, chosen, goal)
    # The lower end for the mirrored scores 1 - x is the upper end for x.
    high = 1.0 - _lower_end(mirrored(values), chosen, goal)
    if low > high:  # The empty set: with probability at most 2 alpha. The point between is all that is left to say.
        low = high = (low + high) / 2.0
    return Interval(low, high)


def mean_interval(scores: Mapping[str, float], *, alpha: float, planned: int | None = None, seed: int = 0) -> Interval:
    """The interval for the mean of scores in [0, 1].

    Args:
        scores: score by example id; the examples are independent draws of what the model will meet.
        alpha: the probability of error of each end, in (0, 1).
        planned: how many examples there will be; as many as there are if None.
        seed: of the order in which the examples are bet on.

    Raises:
        ValueError: see `interval`.
    """
    return interval(in_order(scores, seed), alpha=alpha, planned=planned or len(scores))


def difference_interval(
    candidate: Mapping[str, float],
    production: Mapping[str, float],
    *,
    alpha: float,
    planned: int | None = None,
    seed: int = 0,
) -> Interval:
    """The interval for the mean of candidate - production, paired by example, in [-1, 1].

    Raises:
        ValueError: the example ids differ, or see `interval`.
    """
    moved = mean_interval(halved(candidate, production), alpha=alpha, planned=planned, seed=seed)
    return Interval(2.0 * moved.low - 1.0, 2.0 * moved.high - 1.0)


def halved(candidate: Mapping[str, float], production: Mapping[str, float]) -> dict[str, float]:
    """Paired differences, moved from [-1, 1] to [0, 1] where bets are defined.

    Raises:
        ValueError: the example ids differ.
    """
    if candidate.keys() != production.keys():
        raise ValueError("Paired scores need the same examples.")
    return {name: (candidate[name] - production[name] + 1.0) / 2.0 for name in candidate}


def _lower_end(values: Sequence[float], chosen: Sequence[float], goal: float) -> float:
    """The largest m that those who bet on "above m" refute at some step, from below."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if any(e_value >= goal for e_value in wealth(values, chosen, middle)):
            low = middle
        else:
            high = middle
    return low
