"""All gates of one session as a family of tests: what a fail is worth among many, and when enough was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from hubver.gate import statistics
from hubver.gate.policies.parts import chance
from hubver.gate.policies.shared import ALPHA
from hubver.gate.verdict import Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.verdict import GateResult


def with_holm(results: Sequence[GateResult], alpha: float = ALPHA) -> tuple[GateResult, ...]:
    """The results with each fail that many gates explain turned into inconclusive, and `p_fail_holm` set.

    If all truths are fine, some gate of a tier still fails with probability at most alpha (the largest one, where gates
    asked for several). A fail that is certain (a score is NaN, a slice is missing, a file is too large) has no p-value:
    it stays, and does not count.

    Args:
        results: of all gates of a session. Critical and advisory gates are corrected apart from each other, so that
            what is only reported does not weaken what decides.
        alpha: of gates that state none.
    """
    found = list(results)
    for tier in get_args(Tier):
        tested = [index for index, result in enumerate(results) if result.tier == tier and result.p_fail is not None]
        adjusted = statistics.holm([results[index].p_fail or 0.0 for index in tested])
        for index, p_holm in zip(tested, adjusted, strict=True):
            found[index] = _corrected(results[index], p_holm, alpha, len(tested))
    return tuple(found)


def settled(result: GateResult, gates: int) -> bool:
    """Whether looking at more examples would change nothing.

    A fail is settled once it would stand among all gates, even as the only one of them: stopping earlier would leave
    every fail of a large session undecided, with examples to spare.

    Args:
        result: of the examples looked at so far.
        gates: how many gates the session asks, at least 1.
    """
    if result.outcome == "fail" and result.p_fail is not None:
        return result.p_fail * gates <= (result.alpha or ALPHA)
    return result.outcome != "inconclusive"


def _corrected(result: GateResult, p_holm: float, alpha: float, gates: int) -> GateResult:
    update: dict[str, object] = {"p_fail_holm": p_holm}
    if result.outcome == "fail" and p_holm > (result.alpha or alpha):
        why = chance(result.p_fail or 0.0, p_holm, f"{gates} gates")
        update |= {"outcome": "inconclusive", "reason": f"{result.reason} {why}"}
    return result.model_copy(update=update)
