"""Comparisons on the same examples: with production (no regression), and with the base model (no forgetting)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.gate import statistics
from hubver.gate.hearing import thresholds
from hubver.gate.policies.beside import beside, mcnemar
from hubver.gate.policies.shared import (
    ALPHA,
    FIRST_RELEASE,
    Asking,
    Judged,
    cannot,
    ending,
    fault,
    outcome_of,
    shown,
    unpaired,
)
from hubver.gate.statistics.intervals import halved
from hubver.gate.verdict import GateResult

if TYPE_CHECKING:
    from hubver.gate.policies.shared import Scores

_NO_BASE = "The candidate is a full model that names no base model, so there is no ability of one to keep."


@dataclass(frozen=True)
class Words:
    """How a comparison is worded: whose the other scores are, and what each outcome says of the margin."""

    other: str
    went: str
    verbs: tuple[str, str, str]


REGRESSION = Words(
    other="production",
    went="The mean went",
    verbs=("is no regression beyond", "is a regression beyond", "may be a regression beyond"),
)
_FORGETTING = Words(
    other="base",
    went="Against its base model the mean went",
    verbs=("is no loss beyond", "is a loss beyond", "may be a loss beyond"),
)


def no_regression(
    task: str,
    candidate: Scores,
    production: Scores | None,
    margin: float,
    *,
    planned: int | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """The candidate's true mean score is at most `margin` below production's, on the same examples.

    Args:
        task: its name, for the result.
        candidate: the candidate's scores in [0, 1] by example id: all, or the first in the seeded order.
        production: production's, for the same ids; None on a first release, where the policy does not apply.
        margin: how much worse is still acceptable, in (0, 1).
        planned: the examples of the whole task; as many as are given if None.
        alpha: the probability of error in each direction, whenever one stops.
        seed: of the order of the bets.

    Raises:
        BadInput: the margin or alpha is not in (0, 1); see `thresholds.check`.
    """
    thresholds.check(alpha=alpha, margin=margin)
    base = GateResult(
        policy="no_regression", task=task, outcome="fail", reason="", threshold=-margin, alpha=alpha, n=len(candidate)
    )
    if production is None:
        return base.model_copy(update={"outcome": "not-applicable", "reason": FIRST_RELEASE})
    judged = holds(candidate, production, margin, Asking(alpha, planned, seed), REGRESSION)
    return base.model_copy(update={**judged.fields(), **_beside(judged, candidate, production, alpha, seed)})


def retained(
    task: str,
    candidate: Scores,
    base: Scores | None,
    margin: float,
    *,
    planned: int | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """The candidate has not forgotten what its base model can do: its true mean score is at most `margin` below.

    Args:
        task: something that the base model is good at and training was not about.
        candidate: as for `no_regression`.
        base: the base model's scores for the same ids; None where the candidate names none.
        margin: as for `no_regression`.
        planned: as for `no_regression`.
        alpha: as for `no_regression`.
        seed: as for `no_regression`.

    Raises:
        BadInput: see `no_regression`.
    """
    thresholds.check(alpha=alpha, margin=margin)
    result = GateResult(
        policy="retained", task=task, outcome="fail", reason="", threshold=-margin, alpha=alpha, n=len(candidate)
    )
    if base is None:
        return result.model_copy(update={"outcome": "not-applicable", "reason": _NO_BASE})
    judged = holds(candidate, base, margin, Asking(alpha, planned, seed), _FORGETTING)
    return result.model_copy(update={**judged.fields(), **_beside(judged, candidate, base, alpha, seed)})


def holds(candidate: Scores, other: Scores, margin: float, asking: Asking, words: Words) -> Judged:
    """Whether the true mean of candidate - other is at least minus the margin."""
    n, planned = len(candidate), asking.of(candidate)
    why = fault(candidate, "candidate") or fault(other, words.other) or unpaired(candidate, other, words.other)
    if why:
        return Judged("fail", cannot(why), n, planned, -margin)
    found = statistics.ask_difference(candidate, other, -margin, alpha=asking.alpha, planned=planned, seed=asking.seed)
    outcome, value, before = outcome_of(found), statistics.mean(candidate), statistics.mean(other)
    moved = statistics.in_order(halved(candidate, other), asking.seed)
    more = None
    if outcome == "inconclusive":
        more = statistics.examples_needed(moved, (1.0 - margin) / 2.0, alpha=asking.alpha)
    verb = dict(zip(("pass", "fail", "inconclusive"), words.verbs, strict=True))[outcome]
    reason = (
        f"{words.went} from {before:.3f} to {value:.3f}; the difference {value - before:+.3f}{shown(found.interval)} "
        f"{verb} the margin {margin:g}"
    )
    return Judged(
        outcome=outcome,
        reason=reason + ending(outcome, n, planned, more),
        n=n,
        planned=planned,
        threshold=-margin,
        value=value,
        production=before,
        interval=found.interval,
        more=more,
        evidence=found.evidence,
        values=tuple(2.0 * value - 1.0 for value in moved),
    )


def _beside(judged: Judged, candidate: Scores, other: Scores, alpha: float, seed: int) -> dict[str, Any]:
    found = beside(judged, alpha=alpha, seed=seed)
    return {**found, "mcnemar": mcnemar(candidate, other)} if found else found
