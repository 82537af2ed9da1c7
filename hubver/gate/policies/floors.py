"""Absolute floors: on the mean score, and on what several random draws of each answer come to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from hubver.gate import statistics
from hubver.gate.hearing import thresholds
from hubver.gate.policies.beside import beside
from hubver.gate.policies.shared import ALPHA, Asking, Judged, cannot, ending, fault, outcome_of, shown
from hubver.gate.verdict import GateResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubver.gate.policies.shared import Scores

_VERBS = {"pass": "clears", "fail": "is below", "inconclusive": "cannot be told apart from"}


def floor(
    task: str,
    scores: Scores,
    minimum: float,
    *,
    planned: int | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """The candidate's true mean score is at least `minimum`.

    Args:
        task: its name, for the result.
        scores: the candidate's scores in [0, 1] by example id: all, or the first in the seeded order.
        minimum: the floor, in (0, 1).
        planned: the examples of the whole task; as many as are given if None.
        alpha: the probability of error in each direction, whenever one stops.
        seed: of the order of the bets.

    Raises:
        BadInput: the minimum or alpha is not in (0, 1); see `thresholds.check`.
    """
    thresholds.check(alpha=alpha, floor=minimum)
    judged = clears(scores, minimum, Asking(alpha, planned, seed))
    more = beside(judged, alpha=alpha, seed=seed)
    return GateResult(policy="floor", task=task, alpha=alpha, **judged.fields(), **more)


def steady(
    task: str,
    draws: Mapping[str, Sequence[float]],
    minimum: float,
    *,
    each: Literal["all", "mean"] = "all",
    planned: int | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """Answers drawn at random are good enough: for each example all k draws (pass^k), or their mean.

    Args:
        task: its name, for the result.
        draws: the candidate's scores in [0, 1], the same number of at least two for each example, by its id.
        minimum: the floor of the mean over examples, in (0, 1).
        each: an example counts 1 only if all its draws score 1, or as much as their mean.
        planned: as for `floor`.
        alpha: as for `floor`.
        seed: as for `floor`.

    Raises:
        BadInput: see `floor`.
    """
    thresholds.check(alpha=alpha, floor=minimum)
    if why := _unsteady(draws):
        judged = Judged("fail", cannot(why), len(draws), planned or len(draws), minimum)
        return GateResult(policy="steady", task=task, alpha=alpha, **judged.fields())
    k = len(next(iter(draws.values())))
    scores = {
        name: float(all(score == 1.0 for score in found)) if each == "all" else math.fsum(found) / k
        for name, found in draws.items()
    }
    what = f"The share of examples with all {k} draws right," if each == "all" else f"The mean over {k} draws each,"
    judged = clears(scores, minimum, Asking(alpha, planned, seed), what=what)
    more = beside(judged, alpha=alpha, seed=seed)
    return GateResult(policy="steady", task=task, alpha=alpha, **judged.fields(), **more)


def clears(scores: Scores, minimum: float, asking: Asking, *, what: str = "The mean") -> Judged:
    """Whether the true mean of the scores is at least the minimum."""
    n, planned = len(scores), asking.of(scores)
    if why := fault(scores, "candidate"):
        return Judged("fail", cannot(why), n, planned, minimum)
    found = statistics.ask_mean(scores, minimum, alpha=asking.alpha, planned=planned, seed=asking.seed)
    values = statistics.in_order(scores, asking.seed)
    outcome, value = outcome_of(found), statistics.mean(scores)
    more = None
    if outcome == "inconclusive":
        more = statistics.examples_needed(values, minimum, alpha=asking.alpha)
    reason = f"{what} {value:.3f}{shown(found.interval)} {_VERBS[outcome]} the floor {minimum:g}"
    return Judged(
        outcome=outcome,
        reason=reason + ending(outcome, n, planned, more),
        n=n,
        planned=planned,
        threshold=minimum,
        value=value,
        interval=found.interval,
        more=more,
        evidence=found.evidence,
        values=tuple(values),
    )


def _unsteady(draws: Mapping[str, Sequence[float]]) -> str | None:
    """Why these draws cannot be judged, or None."""
    if not draws:
        return "candidate has no scores: zero examples"
    counts = {len(found) for found in draws.values()}
    if len(counts) > 1:
        return f"examples were drawn {min(counts)} to {max(counts)} times, not all as often"
    if min(counts) < 2:
        return f"each example was drawn {min(counts)} times, and fewer than two say nothing on how steady answers are"
    first_faults = (fault({name: score}, "candidate") for name, found in draws.items() for score in found)
    return next((why for why in first_faults if why), None)
