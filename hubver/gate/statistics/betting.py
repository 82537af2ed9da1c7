"""Evidence about the mean of bounded scores, by betting: valid at every number of examples, whenever one stops.

A gambler starts with capital 1 and bets, example after example, that the true mean lies above m. Bets depend on earlier
examples only, so if the mean is m or less no bet is favourable, and by Ville's inequality the capital ever reaches
1 / alpha with probability at most alpha: for any distribution on [0, 1], at any n, under any rule of stopping. The
capital is an e-value. No normal approximation is made: it holds for ten examples as for ten thousand.

The bets are the predictable plug-ins of Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
betting", JRSS-B 86 (2024), arXiv:2010.09686 (section 4; the running mean and variance are those of Theorem 2). Their
bet for a known number of examples wins most at that number. To stop early where the case is clear, the capital is split
among three gamblers who plan for all examples, for a quarter and for a sixteenth of them; the average of e-values is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A bet may cost at most this part of the capital in one step (c of Theorem 3; the paper uses 1/2 and 3/4).
_CAP = 0.75
# Each gambler's part of the capital: the patient one, who is right when the case is close, gets half.
_PATIENT, _QUICK, _HASTY = 0.5, 0.25, 0.25
# Nobody needs more. It stops capital from overflowing, and a gambler who leaves the table keeps an e-value.
_ENOUGH = 1e100


@dataclass(frozen=True)
class Evidence:
    """What the examples say about one threshold, after each of them.

    Attributes:
        above: the e-value against "the mean is at most the threshold", after each example.
        below: the e-value against "the mean is at least the threshold", after each example.
        goal: 1 / alpha, where an e-value decides.
    """

    above: tuple[float, ...]
    below: tuple[float, ...]
    goal: float

    @property
    def most_above(self) -> float:
        """The greatest e-value for "above" so far; 1 before the first example. Its inverse is a p-value at any time."""
        return max(self.above, default=1.0)

    @property
    def most_below(self) -> float:
        """The same for "below"."""
        return max(self.below, default=1.0)

    @property
    def decision(self) -> int:
        """1 where the mean lies above the threshold, -1 where below, 0 where that is open: whichever came first."""
        for above, below in zip(self.above, self.below, strict=True):
            if above >= self.goal or below >= self.goal:
                return 1 if above >= below else -1
        return 0


def p_value(e_value: float) -> float:
    """The p-value that an e-value's maximum over time gives, in (0, 1]."""
    return min(1.0, 1.0 / e_value) if e_value > 0.0 else 1.0


def evidence(values: Sequence[float], threshold: float, *, alpha: float, planned: int) -> Evidence:
    """What some scores say about a threshold.

    The evidence on the first examples is the first part of the evidence on all, as long as `planned` is the same.

    Args:
        values: scores in [0, 1], in the order they are looked at.
        threshold: what the mean is held against, in (0, 1).
        alpha: the probability of error in each direction, in (0, 1).
        planned: how many examples there will be at most; fixed before the first is seen.

    Raises:
        ValueError: one of them is outside its range.
    """
    check(values, alpha=alpha, planned=planned)
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"A threshold must be in (0, 1), not {threshold}.")
    chosen = bets(values, alpha=alpha, planned=planned)
    return Evidence(
        above=tuple(wealth(values, chosen, threshold)),
        below=tuple(wealth(mirrored(values), chosen, 1.0 - threshold)),
        goal=1.0 / alpha,
    )


def check(values: Sequence[float], *, alpha: float, planned: int) -> None:
    """Refuse what no bet can be made on.

    Raises:
        ValueError: a score is NaN or outside [0, 1], alpha is not in (0, 1), or nothing is planned.
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must be in (0, 1), not {alpha}.")
    if planned < 1:
        raise ValueError(f"At least one example must be planned, not {planned}.")
    if not all(0.0 <= value <= 1.0 for value in values):
        raise ValueError("A score is NaN or outside [0, 1].")


def mirrored(values: Sequence[float]) -> list[float]:
    """1 - x for each x: what is above for one is below for the other, and the bets on both are the same."""
    return [1.0 - value for value in values]


def bets(values: Sequence[float], *, alpha: float, planned: int) -> list[float]:
    """The patient gambler's bet before each example, from those before it; the others bet twice and four times as much.

    A plan for n / 4 examples doubles the bet, because it goes with one over the square root.
    """
    # Rounded: `log` is the one function here that two maths libraries may round differently.
    budget = round(2.0 * math.log(1.0 / alpha), 9) / planned
    chosen = []
    total, squares, variance = 0.5, 0.25, 0.25
    for step, value in enumerate(values, start=1):
        chosen.append(math.sqrt(budget / variance))
        total += value
        deviation = value - total / (step + 1)
        squares += deviation * deviation
        variance = squares / (step + 1)
    return chosen


def wealth(values: Sequence[float], chosen: Sequence[float], m: float) -> Iterator[float]:
    """The capital of those who bet on "the mean is above m", after each example.

    It only falls as m grows, at every step: each factor does, because a bet does not depend on m until it is capped at
    c / m, where the factor is 1 - c + c x / m. So the thresholds that are refuted form one interval.
    """
    cap = _CAP / m
    patient, quick, hasty = _PATIENT, _QUICK, _HASTY
    for value, bet in zip(values, chosen, strict=True):
        gain = value - m
        patient = min(patient * (1.0 + min(bet, cap) * gain), _ENOUGH)
        quick = min(quick * (1.0 + min(2.0 * bet, cap) * gain), _ENOUGH)
        hasty = min(hasty * (1.0 + min(4.0 * bet, cap) * gain), _ENOUGH)
        yield patient + quick + hasty
