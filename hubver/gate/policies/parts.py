"""A gate of several parts (slices, limits): all must hold, the worst one counts, and a fail must stand out among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.gate import statistics
from hubver.gate.policies.shared import SEVERITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.verdict import GateResult, SliceResult


def chance(p_alone: float, p_holm: float, among: str) -> str:
    """Why a fail is none: a sentence."""
    return (
        f"Alone this would be a fail (p = {p_alone:.3f}), but among {among} it may be chance "
        f"(p = {p_holm:.3f} after Holm's correction)."
    )


def corrected(parts: Sequence[SliceResult], alpha: float, noun: str) -> tuple[SliceResult, ...]:
    """Parts of which one fails only if it does so after Holm's correction for all of them.

    A part without evidence, because it could not be judged or is exact, keeps its outcome and does not count.
    """
    p_values = [part.p_fail for part in parts if part.p_fail is not None]
    adjusted = iter(statistics.holm(p_values))
    found = []
    for part in parts:
        if part.p_fail is None:
            found.append(part)
            continue
        p_holm = next(adjusted)
        update: dict[str, object] = {"p_fail_holm": p_holm}
        if part.outcome == "fail" and p_holm > alpha:
            reason = f"{part.reason} {chance(part.p_fail, p_holm, f'{len(p_values)} {noun}')}"
            update |= {"outcome": "inconclusive", "reason": reason}
        found.append(part.model_copy(update=update))
    return tuple(found)


def p_of_any(parts: Sequence[SliceResult]) -> float | None:
    """The p-value of "every part is fine"; None where a fail is certain, or nothing was tested."""
    if any(part.outcome == "fail" and part.p_fail is None for part in parts):
        return None
    return min((part.p_fail_holm for part in parts if part.p_fail_holm is not None), default=None)


def combined(base: GateResult, parts: tuple[SliceResult, ...], noun: str) -> GateResult:
    """The result of a gate from its parts, at least one."""

    def badness(part: SliceResult) -> tuple[int, float]:
        value = -1.0 if part.value is None else part.value - (part.production or 0.0)
        return (SEVERITY.index(part.outcome), value)

    worst = min(parts, key=badness)
    alike = [part.name for part in parts if part.outcome == worst.outcome]
    if worst.outcome == "pass":
        reason = f"All {len(parts)} {noun}s hold; the worst is {worst.name!r}. {worst.reason}"
    else:
        others = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
        reason = f"{noun.capitalize()} {worst.name!r}{others}: {worst.reason}"
    return base.model_copy(
        update={
            "outcome": worst.outcome,
            "reason": reason,
            "value": worst.value,
            "production": worst.production,
            # A part without scores was held against nothing in particular.
            "threshold": base.threshold if worst.threshold is None else worst.threshold,
            "interval": worst.interval,
            "e_values": worst.e_values,
            "p_fail": p_of_any(parts),
            "slices": parts,
        }
    )
