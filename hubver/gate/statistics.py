"""Confidence intervals for means of bounded scores, by betting. Pure, seeded, and the same on every machine.

The method is the hedged capital confidence set of Waudby-Smith and Ramdas, "Estimating means of bounded random variables
by betting", JRSS-B 86 (2024), arXiv:2010.09686 (Theorem 3), with predictable plug-in bets for a known number of
observations (their section 4; the running mean and variance are those of Theorem 2). For every candidate mean m a
gambler starts with capital 1 and bets that the truth is above m, another that it is below; m stays in the set until half
of one gambler's capital reaches 1/alpha, which under the truth happens with probability at most alpha, at any n and for
any distribution on [0, 1]. No normal approximation is made, so the interval holds for ten examples as for ten thousand.

Only additions, multiplications, divisions and square roots of doubles are used inside the loops, and IEEE 754 rounds
each of them in one way: no library, no BLAS and no `libm` can make two machines disagree.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A bet may cost at most this part of the capital in one step (c of Theorem 3; the paper uses 1/2 and 3/4).
_CAP = 0.75
# 2**-40 is far below any threshold that a person writes down.
_BISECTIONS = 40
# z of 0.9: `examples_needed` advises enough examples to decide nine times in ten.
_POWER = 1.2816


@dataclass(frozen=True)
class Interval:
    """A closed interval that holds the true mean, except with probability at most alpha.

    Attributes:
        low: the lower end.
        high: the upper end; `low <= high`.
    """

    low: float
    high: float


def shuffled(ids: Sequence[str], seed: int) -> list[str]:
    """The ids in an order that depends on the seed and the ids only, never on the order they came in.

    Each id is ranked by the SHA-256 of seed and id, so that every machine and every Python finds the same order.
    """
    return sorted(ids, key=lambda name: (hashlib.sha256(f"{seed}\x00{name}".encode()).digest(), name))


def mean(scores: Mapping[str, float]) -> float:
    """The mean of the scores, summed exactly so that their order does not matter.

    Raises:
        ValueError: there are none.
    """
    if not scores:
        raise ValueError("The mean of no scores is not defined.")
    return math.fsum(scores.values()) / len(scores)


def mean_interval(scores: Mapping[str, float], *, alpha: float, seed: int = 0) -> Interval:
    """A 1 - alpha confidence interval for the mean of scores in [0, 1].

    Args:
        scores: score by example id; the examples are independent draws of what the model will meet.
        alpha: the probability of missing the true mean, in (0, 1).
        seed: of the order in which the examples are bet on.

    Raises:
        ValueError: no scores, a score outside [0, 1] or NaN, or alpha outside (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must be in (0, 1), not {alpha}.")
    values = [float(scores[name]) for name in shuffled(list(scores), seed)]
    if not values:
        raise ValueError("An interval needs at least one score.")
    if not all(0.0 <= value <= 1.0 for value in values):
        raise ValueError("A score is NaN or outside [0, 1].")
    bets = _bets(values, alpha)
    # The lower end for the mirrored scores 1 - x is the upper end for x.
    low = _lower_end(values, bets, alpha)
    high = 1.0 - _lower_end([1.0 - value for value in values], bets, alpha)
    if low > high:  # The empty set: with probability at most alpha. The point between is all that is left to say.
        low = high = (low + high) / 2.0
    return Interval(low, high)


def difference_interval(
    candidate: Mapping[str, float], production: Mapping[str, float], *, alpha: float, seed: int = 0
) -> Interval:
    """A 1 - alpha confidence interval for the mean of candidate - production, paired by example, in [-1, 1].

    Raises:
        ValueError: the example ids differ, or as for `mean_interval`.
    """
    if candidate.keys() != production.keys():
        raise ValueError("Paired scores need the same examples.")
    # A difference in [-1, 1] is moved to [0, 1], where the bets are defined, and back.
    halved = {name: (candidate[name] - production[name] + 1.0) / 2.0 for name in candidate}
    moved = mean_interval(halved, alpha=alpha, seed=seed)
    return Interval(2.0 * moved.low - 1.0, 2.0 * moved.high - 1.0)


def examples_needed(values: Sequence[float], interval: Interval, threshold: float) -> int | None:
    """Roughly how many more examples would decide, nine times in ten, if the truth is what was seen.

    The interval's half-width shrinks with the square root of n. None where the estimate lies so close to the threshold
    that no realistic number (a thousand times as many) would decide.

    Args:
        values: what was averaged: scores, or paired differences.
        interval: of their mean, straddling the threshold.
        threshold: the value that the interval must clear.
    """
    n = len(values)
    average = math.fsum(values) / n
    gap = abs(average - threshold)
    half_width = average - interval.low if average >= threshold else interval.high - average
    deviation = math.sqrt(math.fsum((value - average) ** 2 for value in values) / n)
    if gap <= 0.0 or (factor := ((half_width + _POWER * deviation / math.sqrt(n)) / gap) ** 2) > 1000.0:
        return None
    return max(1, math.ceil(n * factor) - n)


def _bets(values: Sequence[float], alpha: float) -> list[float]:
    """The predictable plug-in bets for a known n: each depends on earlier values only (that makes them fair).

    They are the same for a value and its mirror image 1 - x, because the running variance is.
    """
    n = len(values)
    # Rounded: `log` is the one function here that two maths libraries may round differently.
    budget = round(2.0 * math.log(2.0 / alpha), 9)
    bets = []
    total, squares, variance = 0.5, 0.25, 0.25
    for step, value in enumerate(values, start=1):
        bets.append(math.sqrt(budget / (n * variance)))
        total += value
        deviation = value - total / (step + 1)
        squares += deviation * deviation
        variance = squares / (step + 1)
    return bets


def _lower_end(values: Sequence[float], bets: Sequence[float], alpha: float) -> float:
    """The largest m that the gambler betting on "above m" rejects, from below: the capital only falls as m grows."""
    goal = 2.0 / alpha  # the capital is split evenly between the two gamblers
    return _bisect(lambda m: _reaches(goal, values, bets, m))


def _reaches(goal: float, values: Sequence[float], bets: Sequence[float], m: float) -> bool:
    """Whether the capital of the gambler betting on "above m" reaches the goal at any step."""
    cap = _CAP / m
    capital = 1.0
    for value, bet in zip(values, bets, strict=True):
        capital *= 1.0 + min(bet, cap) * (value - m)
        if capital >= goal:
            return True
    return False


def _bisect(rejected: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if rejected(middle):
            low = middle
        else:
            high = middle
    return low
