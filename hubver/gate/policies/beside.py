"""What is reported beside a decision, and decides nothing: how the evidence grew, the bootstrap, McNemar's test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hubver.gate import statistics
from hubver.gate.policies.shared import bounds
from hubver.gate.verdict import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.policies.shared import Judged, Scores

_MOST_POINTS = 100
# What a picture can show; and more digits of a logarithm could differ between two machines.
_DIGITS = 4
# A gambler who lost everything has an e-value of 0, and a picture has a lowest line.
_LEAST = 1e-100


def beside(judged: Judged, *, alpha: float, seed: int) -> dict[str, Any]:
    """The evidence and the bootstrap interval of a question that is settled; nothing for one that goes on."""
    if judged.evidence is None or not judged.final:
        return {}
    found: dict[str, Any] = {"evidence": thinned(judged.evidence)}
    if alpha < 0.5:
        found["bootstrap"] = bounds(statistics.bootstrap_interval(judged.values, alpha=alpha, seed=seed))
    return found


def mcnemar(candidate: Scores, other: Scores) -> float | None:
    """McNemar's p-value where all scores are 0 or 1, else None."""
    if any(score not in {0.0, 1.0} for scores in (candidate, other) for score in scores.values()):
        return None
    won = sum(candidate[name] > other[name] for name in candidate)
    lost = sum(candidate[name] < other[name] for name in candidate)
    return statistics.mcnemar(won, lost)


def thinned(evidence: statistics.Evidence) -> Evidence:
    """The evidence after at most 100 numbers of examples, evenly spread; the last of them is all."""
    n = len(evidence.above)
    points = min(n, _MOST_POINTS)
    examples = tuple((number + 1) * n // points for number in range(points))
    return Evidence(
        examples=examples,
        support=_logarithms(evidence.above, examples),
        against=_logarithms(evidence.below, examples),
    )


def _logarithms(e_values: Sequence[float], examples: Sequence[int]) -> tuple[float, ...]:
    return tuple(round(math.log10(max(e_values[after - 1], _LEAST)), _DIGITS) for after in examples)
