"""From scores to a result. Pure: no model, no file, no clock; every rule of the gate is here, and each fails closed.

A threshold is decided by the whole confidence interval: it passes where all of it clears the threshold, fails where none
of it does, and is inconclusive where it straddles. So noise alone passes a candidate whose true mean lies below the
threshold with probability at most alpha (half of it, in fact: each end of the interval errs with alpha / 2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from hubver.gate import statistics, thresholds
from hubver.gate.verdict import Bounds, GateOutcome, GateResult, SliceResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Scores = Mapping[str, float]

ALPHA = 0.05
Side = Literal["candidate", "production"]


def floor(task: str, scores: Scores, minimum: float, *, alpha: float = ALPHA, seed: int = 0) -> GateResult:
    """The candidate's true mean score is at least `minimum`.

    Args:
        task: its name, for the result.
        scores: the candidate's scores in [0, 1] by example id.
        minimum: the floor, in [0, 1].
        alpha: the probability that the interval misses the true mean.
        seed: of the order of the bets.

    Raises:
        BadInput: the minimum or alpha is not in (0, 1); see `thresholds.check`.
    """
    thresholds.check(alpha=alpha, floor=minimum)
    base = GateResult(
        policy="floor", task=task, outcome="fail", reason="", threshold=minimum, alpha=alpha, n=len(scores)
    )
    if fault := _fault(scores, "candidate"):
        return _closed(base, fault)
    interval = statistics.mean_interval(scores, alpha=alpha, seed=seed)
    value = statistics.mean(scores)
    outcome = _decide(interval, minimum)
    more = statistics.examples_needed(list(scores.values()), interval, minimum) if outcome == "inconclusive" else None
    verb = {"pass": "clears", "fail": "is below", "inconclusive": "cannot be told apart from"}[outcome]
    reason = f"The mean {value:.3f} {_shown(interval)} {verb} the floor {minimum:g}{_advice(outcome, more)}."
    return base.model_copy(
        update={
            "outcome": outcome,
            "reason": reason,
            "value": value,
            "interval": _bounds(interval),
            "more_examples": more,
        }
    )


def no_regression(
    task: str, candidate: Scores, production: Scores | None, margin: float, *, alpha: float = ALPHA, seed: int = 0
) -> GateResult:
    """The candidate's true mean score is at most `margin` below production's, on the same examples.

    Args:
        task: its name, for the result.
        candidate: the candidate's scores in [0, 1] by example id.
        production: production's, for the same ids; None on a first release, where the policy does not apply.
        margin: how much worse is still acceptable, in (0, 1).
        alpha: the probability that the interval misses the true mean difference.
        seed: of the order of the bets.

    Raises:
        BadInput: the margin or alpha is not in (0, 1); see `thresholds.check`.
    """
    thresholds.check(alpha=alpha, margin=margin)
    base = GateResult(
        policy="no_regression", task=task, outcome="fail", reason="", threshold=-margin, alpha=alpha, n=len(candidate)
    )
    if production is None:
        return base.model_copy(update={"outcome": "not-applicable", "reason": _FIRST_RELEASE})
    if fault := _fault(candidate, "candidate") or _fault(production, "production") or _unpaired(candidate, production):
        return _closed(base, fault)
    interval = statistics.difference_interval(candidate, production, alpha=alpha, seed=seed)
    value, before = statistics.mean(candidate), statistics.mean(production)
    outcome = _decide(interval, -margin)
    differences = [candidate[name] - production[name] for name in candidate]
    more = statistics.examples_needed(differences, interval, -margin) if outcome == "inconclusive" else None
    verb = {
        "pass": "is no regression beyond",
        "fail": "is a regression beyond",
        "inconclusive": "may be a regression beyond",
    }[outcome]
    reason = (
        f"The mean went from {before:.3f} to {value:.3f}; the difference {value - before:+.3f} {_shown(interval)} "
        f"{verb} the margin {margin:g}{_advice(outcome, more)}."
    )
    return base.model_copy(
        update={
            "outcome": outcome,
            "reason": reason,
            "value": value,
            "production": before,
            "interval": _bounds(interval),
            "more_examples": more,
        }
    )


def worst_slice(
    task: str,
    candidate: Mapping[str, Scores],
    production: Mapping[str, Scores] | None = None,
    *,
    minimum: float | None = None,
    margin: float | None = None,
    expect: Collection[str] = (),
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """Every slice clears the floor, the margin against production, or both; the worst one counts.

    The error is shared among the slices (Bonferroni), so that many slices do not make a false pass likelier.

    Args:
        task: its name, for the result.
        candidate: the candidate's scores by slice, then by example id.
        production: production's; None on a first release, where the margin does not apply.
        minimum: the floor of each slice, or None.
        margin: how much worse than production each slice may be, or None.
        expect: slices that must be there, besides those that production has.
        alpha: the probability that any of the intervals misses its truth.
        seed: of the order of the bets.

    Raises:
        BadInput: a floor, margin or alpha is not in (0, 1), or there is neither floor nor margin.
    """
    thresholds.check_slices(task, alpha=alpha, floor=minimum, margin=margin)
    n = sum(len(scores) for scores in candidate.values())
    base = GateResult(
        policy="worst_slice",
        task=task,
        outcome="fail",
        reason="",
        threshold=minimum if minimum is not None else -(margin or 0.0),
        alpha=alpha,
        n=n,
    )
    if minimum is None and production is None:
        return base.model_copy(update={"outcome": "not-applicable", "reason": _FIRST_RELEASE})
    names = sorted({*candidate, *(production or {}), *expect})
    if not names:
        return _closed(base, "there are no slices")
    comparisons = len(names) * ((minimum is not None) + (margin is not None and production is not None))
    slices = tuple(
        _slice(name, candidate, production, minimum, margin, alpha=alpha / comparisons, seed=seed) for name in names
    )
    return _worst(base, slices)


def alive(task: str, difference: float | None, *, n: int, tolerance: float = 0.0) -> GateResult:
    """The candidate's logits differ from its base model's: the adapter was applied and does something.

    Args:
        task: the task whose prompts were used.
        difference: the greatest absolute difference of a logit; None where the candidate names no base model.
        n: the number of prompts.
        tolerance: differences up to this count as none.
    """
    base = GateResult(policy="alive", task=task, outcome="fail", reason="", threshold=tolerance, n=n)
    if difference is None:
        reason = "The candidate is a full model that names no base model, so there is nothing to compare it with."
        return base.model_copy(update={"outcome": "not-applicable", "reason": reason})
    if n == 0:
        return _closed(base, "there are zero examples")
    if not math.isfinite(difference):
        return _closed(base, "the candidate's logits are not finite numbers")
    if difference <= tolerance:
        reason = f"The candidate answers exactly like its base model on {n} prompts: it changes nothing."
        return base.model_copy(update={"reason": reason, "value": difference})
    reason = f"The candidate's logits differ from its base model's by up to {difference:.3g}."
    return base.model_copy(update={"outcome": "pass", "reason": reason, "value": difference})


_FIRST_RELEASE = "There is no production yet, so there is nothing to compare with; only the floors decide."


def _slice(
    name: str,
    candidate: Mapping[str, Scores],
    production: Mapping[str, Scores] | None,
    minimum: float | None,
    margin: float | None,
    *,
    alpha: float,
    seed: int,
) -> SliceResult:
    scores = candidate.get(name, {})
    if not scores:
        return SliceResult(name=name, outcome="fail", n=0, reason="the candidate has no scores for it")
    results = []
    if minimum is not None:
        results.append(floor(name, scores, minimum, alpha=alpha, seed=seed))
    if margin is not None and production is not None:
        results.append(no_regression(name, scores, production.get(name, {}), margin, alpha=alpha, seed=seed))
    decisive = min(results, key=lambda result: _SEVERITY.index(result.outcome))
    return SliceResult(
        name=name,
        outcome=decisive.outcome,
        n=len(scores),
        value=decisive.value,
        production=decisive.production,
        threshold=decisive.threshold,
        interval=decisive.interval,
        reason=decisive.reason,
    )


# What decides first when several results meet.
_SEVERITY: tuple[GateOutcome, ...] = ("fail", "inconclusive", "pass", "not-applicable")


def _worst(base: GateResult, slices: tuple[SliceResult, ...]) -> GateResult:
    def badness(item: SliceResult) -> tuple[int, float]:
        shown = -1.0 if item.value is None else item.value - (item.production or 0.0)
        return (_SEVERITY.index(item.outcome), shown)

    worst = min(slices, key=badness)
    failing = [item.name for item in slices if item.outcome == worst.outcome]
    if worst.outcome == "pass":
        reason = f"All {len(slices)} slices hold; the worst is {worst.name!r}. {worst.reason}"
    else:
        others = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
        reason = f"Slice {worst.name!r}{others}: {worst.reason}"
    return base.model_copy(
        update={
            "outcome": worst.outcome,
            "reason": reason,
            "value": worst.value,
            "production": worst.production,
            # A slice without scores was held against nothing in particular.
            "threshold": base.threshold if worst.threshold is None else worst.threshold,
            "interval": worst.interval,
            "slices": slices,
        }
    )


def _fault(scores: Scores, whose: Side) -> str | None:
    """Why these scores cannot be judged, or None."""
    if not scores:
        return f"{whose} has no scores: zero examples"
    for name, score in scores.items():
        if not math.isfinite(score):
            return f"{whose}'s score of example {name[:12]} is {score}"
        if not 0.0 <= score <= 1.0:
            return f"{whose}'s score of example {name[:12]} is {score:g}, outside [0, 1]"
    return None


def _unpaired(candidate: Scores, production: Scores) -> str | None:
    if alone := candidate.keys() ^ production.keys():
        return f"candidate and production were not scored on the same examples ({len(alone)} are on one side only)"
    return None


def _closed(base: GateResult, fault: str) -> GateResult:
    return base.model_copy(update={"outcome": "fail", "reason": f"This cannot be judged: {fault}."})


def _decide(interval: statistics.Interval, threshold: float) -> Literal["pass", "fail", "inconclusive"]:
    if interval.low >= threshold:
        return "pass"
    return "fail" if interval.high < threshold else "inconclusive"


def _bounds(interval: statistics.Interval) -> Bounds:
    return Bounds(low=interval.low, high=interval.high)


def _shown(interval: statistics.Interval) -> str:
    return f"[{interval.low:.3f}, {interval.high:.3f}]"


def _advice(outcome: str, more: int | None) -> str:
    if outcome != "inconclusive":
        return ""
    if more is None:
        return "; it lies so close that more examples will hardly decide it"
    return f"; about {more:,} more example{'' if more == 1 else 's'} would decide"
