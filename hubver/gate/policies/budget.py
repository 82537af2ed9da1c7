"""What a candidate may cost: seconds, tokens per second, bytes; relative to production, absolute, or both."""

from __future__ import annotations

import math
import statistics as plain
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hubver.gate import statistics
from hubver.gate.hearing import thresholds
from hubver.gate.policies.parts import combined, corrected
from hubver.gate.policies.shared import (
    ALPHA,
    FIRST_RELEASE,
    Asking,
    Judged,
    cannot,
    ending,
    outcome_of,
    unpaired,
)
from hubver.gate.statistics import Interval
from hubver.gate.verdict import GateResult, SliceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Usage:
    """What a model used.

    Attributes:
        seconds: that each example took, by its id, above 0; measured in one run for both models, taking turns, so that
            the machine's moods fall on both.
        tokens: that each example's answer has, likewise.
        size: of the model's own files, in bytes; None where it is not known.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, float] = field(default_factory=dict)
    size: int | None = None


def budget(
    task: str,
    candidate: Usage,
    production: Usage | None = None,
    *,
    slower: float | None = None,
    seconds: float | None = None,
    throughput: float | None = None,
    tokens_per_second: float | None = None,
    larger: float | None = None,
    size: int | None = None,
    planned: int | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
) -> GateResult:
    """The candidate keeps every limit that is given. Times are medians over examples, judged without assumptions.

    A median of ratios, example by example, is held against a relative limit by a sign test, which no slow outlier moves.
    The relative limits do not apply on a first release. It passes where every limit is kept with error probability
    alpha each, and fails where one is broken even after Holm's correction for all.

    Args:
        task: its name, for the result.
        candidate: what the candidate used.
        production: what production used on the same examples; None on a first release.
        slower: the most that the median ratio of seconds may be: 1.2 allows a fifth more.
        seconds: the most that the median example may take.
        throughput: the least that the median ratio of tokens per second may be: 0.8 allows a fifth less.
        tokens_per_second: the least that the median example may reach.
        larger: the most that the ratio of sizes may be. Sizes are exact.
        size: the most bytes.
        planned: the examples of the whole task; as many as are given if None.
        alpha: the probability of error in each direction, whenever one stops.
        seed: of the order of the bets.

    Raises:
        BadInput: no limit is given, or one is not a finite number above 0, or alpha is not in (0, 1).
    """
    limits = {"slower": slower, "seconds": seconds, "throughput": throughput, "tokens_per_second": tokens_per_second}
    limits |= {"larger": larger, "size": size}
    thresholds.check_budget(task, alpha=alpha, limits=limits)
    asking = Asking(alpha, planned, seed)
    base = GateResult(
        policy="budget",
        task=task,
        outcome="not-applicable",
        reason=FIRST_RELEASE,
        alpha=alpha,
        n=len(candidate.seconds),
        planned=max(planned or 0, len(candidate.seconds)),
    )
    parts = [
        SliceResult(name=name, **_LIMITS[name](candidate, production, limit, asking).fields())
        for name, limit in limits.items()
        if limit is not None and (name not in _RELATIVE or production is not None)
    ]
    return combined(base, corrected(parts, alpha, "limits"), "limit") if parts else base


@dataclass(frozen=True)
class _Unit:
    """A quantity of one example: what it is called, how it is found, and whether less of it is better (1) or more (-1)."""

    what: str
    of: Callable[[Usage, str], float]
    sign: float
    suffix: str


_SECONDS = _Unit("seconds an example", lambda usage, name: usage.seconds[name], 1.0, " s")
_SPEED = _Unit("tokens a second", lambda usage, name: usage.tokens[name] / usage.seconds[name], -1.0, " tokens/s")


def _absolute(unit: _Unit) -> Callable[[Usage, Usage | None, float, Asking], Judged]:
    def judge(candidate: Usage, _: Usage | None, limit: float, asking: Asking) -> Judged:
        if why := _unfit(candidate, unit, "candidate"):
            return _unjudged(candidate, limit, asking, why)
        values = {name: unit.of(candidate, name) for name in candidate.seconds}
        return _median(values, limit, unit, asking)

    return judge


def _relative(unit: _Unit) -> Callable[[Usage, Usage | None, float, Asking], Judged]:
    ratio = replace(unit, what=f"the ratio to production of {unit.what}", suffix="x")

    def judge(candidate: Usage, production: Usage | None, limit: float, asking: Asking) -> Judged:
        other = production or Usage()
        why = (
            _unfit(candidate, unit, "candidate")
            or _unfit(other, unit, "production")
            or unpaired(candidate.seconds.keys(), other.seconds.keys(), "production")
        )
        if why:
            return _unjudged(candidate, limit, asking, why)
        values = {name: unit.of(candidate, name) / unit.of(other, name) for name in candidate.seconds}
        return _median(values, limit, ratio, asking)

    return judge


def _median(values: Mapping[str, float], limit: float, unit: _Unit, asking: Asking) -> Judged:
    """Whether the median keeps the limit; where more is better, "at least" is "at most" in the mirror."""
    n, planned, sign = len(values), asking.of(values), unit.sign
    mirrored = {name: sign * value for name, value in values.items()}
    found = statistics.ask_median_at_most(mirrored, sign * limit, alpha=asking.alpha, planned=planned, seed=asking.seed)
    interval = found.interval
    if interval is not None and sign < 0.0:
        interval = Interval(-interval.high, -interval.low)
    outcome, value = outcome_of(found), plain.median(values.values())
    more = None
    if outcome == "inconclusive":
        signs = [float(item <= sign * limit) for item in mirrored.values()]
        more = statistics.examples_needed(signs, 0.5, alpha=asking.alpha)
    said = f" [{interval.low:.3g}, {interval.high:.3g}]" if interval else ""
    verb = {"pass": "keeps", "fail": "breaks", "inconclusive": "cannot be told apart from"}[outcome]
    reason = f"The median of {unit.what} is {value:.3g}{unit.suffix}{said}; it {verb} the limit {limit:g}{unit.suffix}"
    return Judged(
        outcome=outcome,
        reason=reason + ending(outcome, n, planned, more),
        n=n,
        planned=planned,
        threshold=limit,
        value=value,
        interval=interval,
        more=more,
        evidence=found.evidence,
    )


def _size(candidate: Usage, _: Usage | None, limit: float, asking: Asking) -> Judged:
    if why := _no_size(candidate, "candidate"):
        return _unjudged(candidate, limit, asking, why)
    return _exact(float(candidate.size or 0), limit, "The size is", " bytes")


def _larger(candidate: Usage, production: Usage | None, limit: float, asking: Asking) -> Judged:
    other = production or Usage()
    if why := _no_size(candidate, "candidate") or _no_size(other, "production"):
        return _unjudged(candidate, limit, asking, why)
    return _exact((candidate.size or 0) / (other.size or 1), limit, "The ratio of sizes to production is", "x")


def _exact(value: float, limit: float, what: str, suffix: str) -> Judged:
    kept = value <= limit
    reason = f"{what} {value:,.6g}{suffix}; it {'keeps' if kept else 'breaks'} the limit {limit:,.6g}{suffix}."
    return Judged("pass" if kept else "fail", reason, n=1, planned=1, threshold=limit, value=value)


def _unjudged(candidate: Usage, limit: float, asking: Asking, why: str) -> Judged:
    n = len(candidate.seconds)
    return Judged("fail", cannot(why), n, asking.of(candidate.seconds), limit)


def _no_size(usage: Usage, whose: str) -> str | None:
    return None if usage.size is not None and usage.size > 0 else f"{whose}'s size is {usage.size}"


def _unfit(usage: Usage, unit: _Unit, whose: str) -> str | None:
    """Why a model's times cannot be judged, or None."""
    if not usage.seconds:
        return f"{whose} was not timed: zero examples"
    for name, took in usage.seconds.items():
        if not (math.isfinite(took) and took > 0.0):
            return f"{whose}'s seconds of example {name[:12]} are {took}"
        if unit is _SPEED and not usage.tokens.get(name, 0.0) > 0.0:
            return f"{whose}'s tokens of example {name[:12]} are {usage.tokens.get(name)}"
    return None


_LIMITS: dict[str, Callable[[Usage, Usage | None, float, Asking], Judged]] = {
    "slower": _relative(_SECONDS),
    "seconds": _absolute(_SECONDS),
    "throughput": _relative(_SPEED),
    "tokens_per_second": _absolute(_SPEED),
    "larger": _larger,
    "size": _size,
}
_RELATIVE = {"slower", "throughput", "larger"}
