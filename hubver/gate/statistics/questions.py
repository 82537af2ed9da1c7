"""One question, one finding: the decision, the interval to show, and the evidence, all from the same bets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.statistics.betting import Evidence, evidence
from hubver.gate.statistics.intervals import Interval, halved, interval
from hubver.gate.statistics.order import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Finding:
    """What the examples say about one threshold.

    Attributes:
        decision: 1 where the truth lies above the threshold, -1 where below, 0 where that is open. (Of a median: 1 where
            it keeps the limit, -1 where it does not.)
        interval: of the truth; it lies on the decided side of the threshold, and holds the threshold where it is open.
            None for a median that few examples do not bound.
        evidence: for both sides, after each example.
    """

    decision: int
    interval: Interval | None
    evidence: Evidence


def ask_mean(scores: Mapping[str, float], threshold: float, *, alpha: float, planned: int, seed: int = 0) -> Finding:
    """Whether the mean of scores in [0, 1] lies above or below a threshold.

    Args:
        scores: at least one, by example id: those looked at so far, the first of the shuffled order.
        threshold: in (0, 1).
        alpha: the probability of error in each direction, whenever one stops.
        planned: how many examples there will be at most; fixed before the first is seen.
        seed: of the order.

    Raises:
        ValueError: see `evidence` and `interval`.
    """
    values = in_order(scores, seed)
    found = evidence(values, threshold, alpha=alpha, planned=planned)
    shown = interval(values, alpha=alpha, planned=planned)
    # Both come from the same e-values, up to the last bit of the bisection and to sets that are empty.
    if found.decision > 0:
        shown = Interval(max(shown.low, threshold), max(shown.high, threshold))
    elif found.decision < 0:
        shown = Interval(min(shown.low, threshold), min(shown.high, threshold))
    return Finding(found.decision, shown, found)


def ask_difference(
    candidate: Mapping[str, float],
    other: Mapping[str, float],
    threshold: float,
    *,
    alpha: float,
    planned: int,
    seed: int = 0,
) -> Finding:
    """Whether the mean of candidate - other, paired by example, lies above or below a threshold in (-1, 1).

    Raises:
        ValueError: the example ids differ, or see `ask_mean`.
    """
    moved = ask_mean(halved(candidate, other), (threshold + 1.0) / 2.0, alpha=alpha, planned=planned, seed=seed)
    shown = moved.interval and Interval(2.0 * moved.interval.low - 1.0, 2.0 * moved.interval.high - 1.0)
    return Finding(moved.decision, shown, moved.evidence)


def ask_median_at_most(
    values: Mapping[str, float], limit: float, *, alpha: float, planned: int, seed: int = 0
) -> Finding:
    """Whether the median is at most a limit; the values may be any numbers.

    It is where at least half of what the values are drawn from is at most the limit. So this is a sign test: it asks for
    the mean of "is at most the limit", and its evidence "above" speaks for a median that keeps the limit. Nothing is
    assumed about the distribution, and the ends of the interval are values that were seen.

    Args:
        values: as for `ask_mean`, but unbounded.
        limit: any number.
        alpha: the probability of error in each direction, whenever one stops.
        planned: how many there will be at most; fixed before the first is seen.
        seed: of the order.

    Returns:
        A decision of 1 where the median is at most the limit, of -1 where it is more.

    Raises:
        ValueError: see `evidence`.
    """
    ordered = in_order(values, seed)

    def at_most(limit: float) -> Evidence:
        signs = [float(value <= limit) for value in ordered]
        return evidence(signs, 0.5, alpha=alpha, planned=planned)

    found = at_most(limit)
    seen = sorted(set(ordered))
    # The share of values at most t grows with t, and so does the evidence that it is more than half.
    low = _count(seen, lambda t: at_most(t).decision < 0)
    high = _count(seen, lambda t: at_most(t).decision <= 0)
    shown = Interval(seen[low - 1], seen[high]) if low > 0 and high < len(seen) else None
    return Finding(found.decision, shown, found)


def _count(seen: list[float], holds: Callable[[float], bool]) -> int:
    """How many values, from the smallest on, something holds for; it holds for all before any it does not."""
    first, after = 0, len(seen)
    while first < after:
        middle = (first + after) // 2
        if holds(seen[middle]):
            first = middle + 1
        else:
            after = middle
    return first
