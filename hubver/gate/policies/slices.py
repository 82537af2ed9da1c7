"""Every slice by itself: what an average hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.hearing import thresholds
from hubver.gate.policies.comparisons import REGRESSION, holds
from hubver.gate.policies.floors import clears
from hubver.gate.policies.parts import combined, corrected
from hubver.gate.policies.shared import ALPHA, FIRST_RELEASE, SEVERITY, Asking, closed
from hubver.gate.verdict import GateResult, SliceResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hubver.gate.policies.shared import Judged, Scores

    Sliced = Mapping[str, Scores]


def worst_slice(
    task: str,
    candidate: Sliced,
    production: Sliced | None = None,
    *,
    minimum: float | None = None,
    margin: float | None = None,
    expect: Collection[str] = (),
    planned: Mapping[str, int] | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """Every slice clears the floor, the margin against production, or both; the worst one counts.

    It passes where every slice passes, each with error probability alpha: a slice that is truly too bad stops the gate
    unless it itself passes, so many slices do not make a false pass likelier. It fails where a slice fails even after
    Holm's correction for all slices. A slice that the task has no example of fails; one of which no example was looked
    at yet decides nothing.

    Args:
        task: its name, for the result.
        candidate: the candidate's scores by slice, then by example id: all, or the first in the seeded order.
        production: production's; None on a first release, where the margin does not apply.
        minimum: the floor of each slice, or None.
        margin: how much worse than production each slice may be, or None.
        expect: slices that must be there, besides those that production has.
        planned: the examples of the whole task by slice; those that are given if None.
        alpha: the probability that a slice beyond its threshold passes, and that any fine slice fails the gate.
        seed: of the order of the bets.

    Raises:
        BadInput: a floor, margin or alpha is not in (0, 1), or there is neither floor nor margin.
    """
    thresholds.check_slices(task, alpha=alpha, floor=minimum, margin=margin)
    whole = {name: len(scores) for name, scores in candidate.items()} if planned is None else dict(planned)
    n = sum(len(scores) for scores in candidate.values())
    base = GateResult(
        policy="worst_slice",
        task=task,
        outcome="fail",
        reason="",
        threshold=minimum if minimum is not None else -(margin or 0.0),
        alpha=alpha,
        n=n,
        planned=max(n, sum(whole.values())),
    )
    if minimum is None and production is None:
        return base.model_copy(update={"outcome": "not-applicable", "reason": FIRST_RELEASE})
    names = sorted({*candidate, *(production or {}), *whole, *expect})
    if not names:
        return closed(base, "there are no slices")
    rule = _Rule(candidate, production, minimum, margin, whole, alpha, seed)
    return combined(base, corrected([rule.judge(name) for name in names], alpha, "slices"), "slice")


@dataclass(frozen=True)
class _Rule:
    """What every slice is held against."""

    candidate: Sliced
    production: Sliced | None
    minimum: float | None
    margin: float | None
    planned: Mapping[str, int]
    alpha: float
    seed: int

    def judge(self, name: str) -> SliceResult:
        """Judge one slice by itself."""
        scores, planned = self.candidate.get(name, {}), self.planned.get(name, 0)
        if not scores and planned:
            reason = f"none of its {planned:,} examples was looked at yet"
            # It says nothing yet, and counts among those that a fail must stand out from: they are the same at each look.
            return SliceResult(name=name, outcome="inconclusive", n=0, planned=planned, reason=reason, p_fail=1.0)
        if not scores:
            reason = "the task has no example of it, so the candidate has no scores for it"
            return SliceResult(name=name, outcome="fail", n=0, planned=0, reason=reason)
        asking, found = Asking(self.alpha, planned, self.seed), []
        if self.minimum is not None:
            found.append(clears(scores, self.minimum, asking))
        if self.margin is not None and self.production is not None:
            found.append(holds(scores, self.production.get(name, {}), self.margin, asking, REGRESSION))
        return _of_all(name, found)


def _of_all(name: str, found: list[Judged]) -> SliceResult:
    """One slice that must pass every question: it tries a false fail once for each, so the p-value pays for each."""
    decisive = min(found, key=lambda judged: SEVERITY.index(judged.outcome))
    result = SliceResult(name=name, **decisive.fields())
    if decisive.outcome == "fail" and decisive.evidence is None:
        return result
    p_values = [p for judged in found if (p := judged.fields()["p_fail"]) is not None]
    return result.model_copy(update={"p_fail": min(1.0, min(p_values) * len(p_values))})
