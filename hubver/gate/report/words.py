"""The words and numbers that all reports share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubver.gate.verdict import Bounds, GateResult, SliceResult, Subject, Verdict

HEADS = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE (not a pass)",
    "error": "ERROR (there is no verdict)",
}
_LEAST_P = 0.001


def sentence(verdict: Verdict) -> str:
    """The verdict in one sentence, without marks or colours."""
    against = (
        f"against {named(verdict.baseline, None)}" if verdict.baseline else "as a first release (no production yet)"
    )
    only = f" by {verdict.only} alone, which promotes nothing" if verdict.only is not None else ""
    who = named(verdict.candidate, verdict.repo_id)
    return f"{HEADS[verdict.outcome]}: {who} {against}{only}; gates: {tally(verdict)}."


def tally(verdict: Verdict) -> str:
    """How many critical gates came to what, and how many gates beside them are advisory."""
    counts, advisory = verdict.counts, [gate for gate in verdict.gates if gate.tier == "advisory"]
    parts = [
        f"{how_many} {word}"
        for how_many, word in (
            (counts.passed, "passed"),
            (counts.failed, "failed"),
            (counts.inconclusive, "undecided"),
            (counts.not_applicable, "not applicable"),
        )
        if how_many
    ]
    others = f"; {len(advisory)} advisory, not counted" if advisory else ""
    return (", ".join(parts) or "none asked") + others


def named(subject: Subject | None, repo_id: str | None) -> str:
    """A revision and the beginning of its commit."""
    if subject is None:
        return "nothing"
    name = f"{repo_id}@{subject.revision}" if repo_id else subject.revision
    return f"{name} ({subject.sha[:8]})" if subject.sha and subject.sha != subject.revision else name


def count(result: GateResult | SliceResult) -> str:
    """How many examples were looked at: `500`, or `128 of 500`."""
    partly = result.planned is not None and result.planned > result.n
    return f"{result.n} of {result.planned}" if partly else str(result.n)


def beside(result: GateResult) -> str:
    """What most people would have reported, and decides nothing; empty where there is none."""
    said = []
    if result.bootstrap is not None:
        said.append(f"bootstrap {bounds(result.bootstrap)}")
    if result.mcnemar is not None:
        less = result.mcnemar < _LEAST_P
        said.append(
            f"McNemar p {probability(result.mcnemar)}" if less else f"McNemar p = {probability(result.mcnemar)}"
        )
    return ", ".join(said)


def number(value: float | None) -> str:
    """A number as a table shows it; a dash where there is none."""
    return "-" if value is None else f"{value:.3g}" if abs(value) > 1 else f"{value:.3f}"


def bounds(interval: Bounds | None) -> str:
    """An interval as a table shows it; a dash where there is none."""
    return f"[{number(interval.low)}, {number(interval.high)}]" if interval else "-"


def marked(result: GateResult | SliceResult) -> str:
    """An interval, and whether it is that of a difference."""
    return bounds(result.interval) + (" (difference)" if result.interval and is_difference(result) else "")


def is_difference(result: GateResult | SliceResult) -> bool:
    """Whether the interval and the threshold are those of candidate - production."""
    return result.production is not None and (result.threshold is None or result.threshold < 0.0)


def probability(p_value: float) -> str:
    """A p-value, with no more zeros than anybody reads."""
    return f"< {_LEAST_P}" if p_value < _LEAST_P else f"{p_value:.3f}"
