"""The geometry of the report's pictures: where on a scale things are, in percent. Pure; templates draw it.

Along x everything is a percentage, so that a picture is as wide as its page, on a phone too, and text keeps its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.report.words import is_difference, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubver.gate.verdict import Bounds, Evidence, GateResult, SliceResult

# A scale this wide at least: a narrower one would make noise look like news.
_LEAST_SPAN = 0.1
_TICKS = 5
# Where more than this is known, a curve may leave the picture: 10**6 convinces anybody.
_MOST_LOGARITHM, _LEAST_LOGARITHM = 6.0, -2.0
_MINUS, _ALPHA = "\N{MINUS SIGN}", "\N{GREEK SMALL LETTER ALPHA}"


@dataclass(frozen=True)
class Scale:
    """A stretch of numbers, drawn from 0 % to 100 %.

    Attributes:
        low: its left end.
        high: its right end, above `low`.
        signed: whether its numbers are differences, shown with their sign.
    """

    low: float
    high: float
    signed: bool = False

    def at(self, value: float) -> float:
        """Where a number is, in percent; what lies beyond an end is drawn at it."""
        return round(100.0 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 3)

    @property
    def ticks(self) -> list[Tick]:
        """About five round numbers."""
        step = _round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step - 1e-9)
        values = [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]
        digits = next(digits for digits in range(12) if abs(step - round(step, digits)) < step * 1e-6)
        return [Tick(self.at(value), shown(value, signed=self.signed, digits=digits)) for value in values]


@dataclass(frozen=True)
class Tick:
    """A labelled place."""

    at: float
    label: str

    @property
    def anchor(self) -> str:
        """Which end of a label is at the place, so that none leaves the picture."""
        return "start" if self.at < 6.0 else "end" if self.at > 94.0 else "middle"


@dataclass(frozen=True)
class Span:
    """From one place to another."""

    start: float
    end: float

    @property
    def width(self) -> float:
        """In percent."""
        return round(self.end - self.start, 3)


@dataclass(frozen=True)
class Row:
    """One result on a scale.

    Attributes:
        scale: that it is drawn on.
        interval: None where there is none.
        value: the mean, or the difference.
        threshold: what it is held against, with its label.
        beyond: the side of the threshold that fails.
        other: the mean it is compared with, where that lies on the scale.
        zero: where no difference is, on a scale of differences.
        bootstrap: drawn beside.
        words: the same for those who cannot see it.
    """

    scale: Scale
    interval: Span | None
    value: Tick | None
    threshold: Tick
    beyond: Span
    other: float | None
    zero: float | None
    bootstrap: Span | None
    words: str


@dataclass(frozen=True)
class Plot:
    """Rows on one scale."""

    scale: Scale
    rows: tuple[tuple[SliceResult, Row], ...]


@dataclass(frozen=True)
class Curves:
    """How evidence grew, in percent of the picture from its upper left corner.

    Attributes:
        support: the points of a line, as SVG writes them.
        against: likewise.
        goal: the height of 1 / alpha, with its label; None where alpha is not known.
        levels: heights with their labels, powers of ten.
        last: how many examples there were.
    """

    support: str
    against: str
    goal: Tick | None
    levels: tuple[Tick, ...]
    last: int


def interval_picture(result: GateResult) -> Row | None:
    """A gate's interval against its threshold; None where it has none, as an exact gate."""
    if result.interval is None or result.threshold is None or result.policy == "budget":
        return None
    return _row(result, _scale([result]), result.bootstrap)


def slice_plots(result: GateResult) -> tuple[Plot, ...]:
    """A gate's slices, the worst first: those that are held against a floor, and those that are held against a margin."""
    drawn = [item for item in result.slices if item.interval is not None and item.threshold is not None]
    if result.policy == "budget":
        return ()
    plots = []
    for differences in (False, True):
        items = sorted((item for item in drawn if is_difference(item) == differences), key=_badness)
        if items:
            scale = _scale(items)
            plots.append(Plot(scale, tuple((item, _row(item, scale, None)) for item in items)))
    return tuple(plots)


def limit_pictures(result: GateResult) -> tuple[tuple[SliceResult, Row], ...]:
    """Each limit of a budget on a scale of its own: their units differ."""
    if result.policy != "budget":
        return ()
    found = []
    for item in result.slices:
        if item.value is not None and item.threshold is not None:
            seen = [item.value, item.threshold, *_ends(item.interval)]
            scale = Scale(0.0, 1.15 * max(seen)) if max(seen) > 0 else Scale(0.0, 1.0)
            found.append((item, _row(item, scale, None, at_most=item.name not in {"throughput", "tokens_per_second"})))
    return tuple(found)


def curves(evidence: Evidence | None, alpha: float | None) -> Curves | None:
    """How evidence grew; None where that is not known."""
    if evidence is None or len(evidence.examples) < 2:
        return None
    goal = None if alpha is None else -math.log10(alpha)
    seen = [*evidence.support, *evidence.against]
    high = min(max(1.35 * (goal or 1.0), *seen), max(_MOST_LOGARITHM, 1.35 * (goal or 1.0)))
    low = max(min(-0.5, *seen), _LEAST_LOGARITHM)
    last, height = evidence.examples[-1], Scale(low, high)

    def line(values: Iterable[float]) -> str:
        # Not held within the picture: it cuts off what leaves it.
        places = zip((0, *evidence.examples), (0.0, *values), strict=True)
        return " ".join(
            f"{100.0 * after / last:.2f},{100.0 * (high - value) / (high - low):.2f}" for after, value in places
        )

    step = max(1, math.ceil((high - low) / 4))
    levels = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    return Curves(
        support=line(evidence.support),
        against=line(evidence.against),
        goal=None if goal is None or alpha is None else Tick(100.0 - height.at(goal), f"1/{_ALPHA} = {1 / alpha:.4g}"),
        levels=tuple(Tick(100.0 - height.at(level), _power(level)) for level in levels),
        last=last,
    )


def shown(value: float, *, signed: bool, digits: int = 3) -> str:
    """A number with a true minus sign."""
    if not round(value, digits):
        return f"{0.0:.{digits}f}"
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.replace("-", _MINUS)


def _row(item: GateResult | SliceResult, scale: Scale, bootstrap: Bounds | None, *, at_most: bool = False) -> Row:
    threshold, value = item.threshold or 0.0, _value(item)
    limit = scale.at(threshold)
    return Row(
        scale=scale,
        interval=_span(item.interval, scale),
        value=None if value is None else Tick(scale.at(value), _label(value, scale)),
        threshold=Tick(limit, f"{threshold:.6g}".replace("-", _MINUS)),
        beyond=Span(limit, 100.0) if at_most else Span(0.0, limit),
        other=scale.at(item.production) if item.production is not None and not scale.signed and not at_most else None,
        zero=scale.at(0.0) if scale.signed else None,
        bootstrap=_span(bootstrap, scale),
        words=_words(item, value, threshold, at_most=at_most),
    )


def _label(value: float, scale: Scale) -> str:
    return shown(value, signed=scale.signed) if scale.high <= 1.0 else number(value)


def _words(item: GateResult | SliceResult, value: float | None, threshold: float, *, at_most: bool) -> str:
    interval = f", interval {number(item.interval.low)} to {number(item.interval.high)}" if item.interval else ""
    what = "difference" if is_difference(item) else "value"
    return (
        f"{what} {number(value)}{interval}, {'at most' if at_most else 'at least'} {number(threshold)}: {item.outcome}"
    )


def _value(item: GateResult | SliceResult) -> float | None:
    if item.value is None or not is_difference(item):
        return item.value
    return item.value - (item.production or 0.0)


def _scale(items: Iterable[GateResult | SliceResult]) -> Scale:
    """As wide as everything on it, and a little more."""
    seen: list[float] = []
    signed = False
    for item in items:
        signed = signed or is_difference(item)
        bootstrap = getattr(item, "bootstrap", None)
        found = (_value(item), item.threshold, *_ends(item.interval), *_ends(bootstrap))
        seen += [value for value in found if value is not None]
        if not is_difference(item) and item.production is not None:
            seen.append(item.production)
    if signed:
        seen.append(0.0)
    least, most = (-1.0, 1.0) if signed else (0.0, 1.0)
    room = max(0.12 * (max(seen) - min(seen)), (_LEAST_SPAN - (max(seen) - min(seen))) / 2.0, 0.01)
    return Scale(max(least, min(seen) - room), min(most, max(seen) + room), signed)


def _ends(bounds: Bounds | None) -> tuple[float, ...]:
    return (bounds.low, bounds.high) if bounds else ()


def _span(bounds: Bounds | None, scale: Scale) -> Span | None:
    return Span(scale.at(bounds.low), scale.at(bounds.high)) if bounds else None


def _badness(item: SliceResult) -> tuple[int, float]:
    order = ("fail", "inconclusive", "pass", "not-applicable")
    return (order.index(item.outcome), _value(item) or 0.0)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= rough * 0.999)


def _power(exponent: int) -> str:
    raised = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "1" if exponent == 0 else f"10{raised}"
