"""What the policies have in common: what makes scores unfit to be judged, and how a finding is worded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.gate.statistics.betting import p_value
from hubver.gate.verdict import Bounds, EValues, GateOutcome, GateResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hubver.gate.statistics import Evidence, Finding, Interval

    Scores = Mapping[str, float]

ALPHA = 0.05
FIRST_RELEASE = "There is no production yet, so there is nothing to compare with; only the floors decide."
# What decides first when several results meet.
SEVERITY: tuple[GateOutcome, ...] = ("fail", "inconclusive", "pass", "not-applicable")
_OUTCOMES: dict[int, GateOutcome] = {1: "pass", 0: "inconclusive", -1: "fail"}


@dataclass(frozen=True)
class Asking:
    """How a question is asked.

    Attributes:
        alpha: the probability of error in each direction.
        planned: the examples that there are in all; None where all of them are given.
        seed: of the order of the bets.
    """

    alpha: float
    planned: int | None
    seed: int

    def of(self, given: Collection[str]) -> int:
        """How many examples there are in all, of which some are given."""
        return max(self.planned or 0, len(given), 1)


@dataclass(frozen=True)
class Judged:
    """What one question about some scores came to.

    Attributes:
        outcome: pass, fail or inconclusive.
        reason: a sentence.
        n: examples that were looked at.
        planned: examples that there are in all.
        threshold: what was held against.
        value: what was held against it.
        production: what it was compared with.
        interval: of the value, or of the difference.
        more: about how many more examples would decide.
        evidence: that decided; None where none was needed: such a fail is certain.
        values: what was averaged, in the order it was looked at.
    """

    outcome: GateOutcome
    reason: str
    n: int
    planned: int
    threshold: float
    value: float | None = None
    production: float | None = None
    interval: Interval | None = None
    more: int | None = None
    evidence: Evidence | None = None
    values: tuple[float, ...] = ()

    @property
    def final(self) -> bool:
        """Whether nothing more will be looked at, so that it is worth telling everything about it."""
        return self.outcome != "inconclusive" or self.n >= self.planned

    def fields(self) -> dict[str, Any]:
        """The fields that results of gates and of slices share."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "n": self.n,
            "planned": self.planned,
            "threshold": self.threshold,
            "value": self.value,
            "production": self.production,
            "interval": bounds(self.interval),
            "more_examples": self.more,
            "e_values": self.evidence and EValues(support=self.evidence.most_above, against=self.evidence.most_below),
            "p_fail": self.evidence and p_value(self.evidence.most_below),
        }


def outcome_of(finding: Finding) -> GateOutcome:
    """Above the threshold is a pass."""
    return _OUTCOMES[finding.decision]


def fault(scores: Scores, whose: str) -> str | None:
    """Why these scores cannot be judged, or None."""
    if not scores:
        return f"{whose} has no scores: zero examples"
    for name, score in scores.items():
        if not math.isfinite(score):
            return f"{whose}'s score of example {name[:12]} is {score}"
        if not 0.0 <= score <= 1.0:
            return f"{whose}'s score of example {name[:12]} is {score:g}, outside [0, 1]"
    return None


def unpaired(candidate: Collection[str], other: Collection[str], whose: str) -> str | None:
    """Why two models' scores cannot be compared example by example, or None."""
    if alone := set(candidate) ^ set(other):
        return f"candidate and {whose} were not scored on the same examples ({len(alone)} are on one side only)"
    return None


def cannot(why: str) -> str:
    """The reason of a gate that fails closed."""
    return f"This cannot be judged: {why}."


def closed(base: GateResult, why: str) -> GateResult:
    """A fail, because what was handed in cannot be judged."""
    return base.model_copy(update={"outcome": "fail", "reason": cannot(why)})


def bounds(interval: Interval | None) -> Bounds | None:
    """An interval as it is stored."""
    return Bounds(low=interval.low, high=interval.high) if interval else None


def shown(interval: Interval | None) -> str:
    """An interval as it is read; nothing where there is none."""
    return f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else ""


def ending(outcome: GateOutcome, n: int, planned: int, more: int | None) -> str:
    """How a reason ends: with how little decided, or how much would."""
    if outcome != "inconclusive":
        return f", decided by {n:,} of {planned:,} examples." if n < planned else "."
    if more is None:
        return "; it lies so close that more examples will hardly decide it."
    return f"; about {more:,} more example{'' if more == 1 else 's'} would decide."
