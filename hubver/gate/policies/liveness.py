"""Whether an adapter does anything at all."""

from __future__ import annotations

import math

from hubver.gate.policies.shared import closed
from hubver.gate.verdict import GateResult


def alive(task: str, difference: float | None, *, n: int, tolerance: float = 0.0) -> GateResult:
    """The candidate answers otherwise than its base model: the adapter was applied and does something.

    Args:
        task: the task whose prompts were used.
        difference: the greatest absolute difference of a log-probability; None where the candidate names no base model.
        n: the number of prompts.
        tolerance: differences up to this count as none.
    """
    base = GateResult(policy="alive", task=task, outcome="fail", reason="", threshold=tolerance, n=n)
    if difference is None:
        reason = "The candidate is a full model that names no base model, so there is nothing to compare it with."
        return base.model_copy(update={"outcome": "not-applicable", "reason": reason})
    if n == 0:
        return closed(base, "there are zero examples")
    if not math.isfinite(difference):
        return closed(base, "the candidate's probabilities are not finite numbers")
    if difference <= tolerance:
        reason = f"The candidate answers exactly like its base model on {n} prompts: it changes nothing."
        return base.model_copy(update={"reason": reason, "value": difference})
    reason = f"The candidate's log-probabilities differ from its base model's by up to {difference:.3g}."
    return base.model_copy(update={"outcome": "pass", "reason": reason, "value": difference})
