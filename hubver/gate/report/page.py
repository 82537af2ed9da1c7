"""A verdict as one HTML page that needs nothing else: no script, no request, light and dark, on a phone and on paper.

It shows examples and answers, so it stays on the machine that judged; see `appendix`.
"""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from hubver.gate.report import pictures
from hubver.gate.report.words import bounds, count, is_difference, named, number, probability, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from hubver.gate.report.appendix import Compared
    from hubver.gate.report.pictures import Curves, Plot, Row
    from hubver.gate.verdict import GateResult, SliceResult, Verdict

OUTCOMES = {
    "pass": "Passed",
    "fail": "Failed",
    "inconclusive": "Undecided",
    "not-applicable": "Not applicable",
    "error": "No verdict",
}
_MARKS = {"pass": "✓", "fail": "✕", "inconclusive": "?", "not-applicable": "–", "error": "!"}  # noqa: RUF001 - a mark
_POLICIES = {
    "floor": "Floor",
    "steady": "Steadiness",
    "no_regression": "No regression",
    "retained": "Nothing forgotten",
    "worst_slice": "Worst slice",
    "budget": "Budget",
    "memorisation": "Memorisation",
    "alive": "Alive",
}
# The policies that hold a mean, or a difference of means, against a threshold.
_HELD = frozenset({"floor", "steady", "no_regression", "retained", "worst_slice"})
_MINUS = "\N{MINUS SIGN}"
_MOST_DIGITS = 1e6
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class GateView:
    """One gate, ready to be drawn."""

    result: GateResult
    title: str
    picture: Row | None
    plots: tuple[Plot, ...]
    limits: tuple[tuple[SliceResult, Row], ...]
    curves: Curves | None
    undrawn: tuple[SliceResult, ...]
    numbers: tuple[tuple[str, str], ...]


def html(verdict: Verdict, appendix: Sequence[Compared] = ()) -> str:
    """The whole page.

    Args:
        verdict: what the gate found; of an earlier hubver too, which leaves some pictures out.
        appendix: the examples behind it; none where they are not at hand.
    """
    environment = _environment()
    style = environment.get_template("report.css").render()
    return environment.get_template("report.html").render(
        verdict=verdict,
        gates=[_gate(result) for result in verdict.gates],
        appendix=appendix,
        candidate=named(verdict.candidate, None),
        baseline=named(verdict.baseline, None) if verdict.baseline else None,
        tally=tally(verdict),
        created=_date(verdict.created),
        style=style,
        # The page can run no script and load nothing, whatever an example says.
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        outcomes=OUTCOMES,
        marks=_MARKS,
    )


def _gate(result: GateResult) -> GateView:
    plots, limits = pictures.slice_plots(result), pictures.limit_pictures(result)
    drawn = {item.name for plot in plots for item, _ in plot.rows} | {item.name for item, _ in limits}
    return GateView(
        result=result,
        title=_POLICIES.get(result.policy, result.policy),
        picture=None if plots else pictures.interval_picture(result),
        plots=plots,
        limits=limits,
        curves=pictures.curves(result.evidence, result.alpha),
        undrawn=tuple(item for item in result.slices if item.name not in drawn),
        numbers=tuple(_numbers(result)),
    )


def _numbers(result: GateResult) -> list[tuple[str, str]]:
    other = "base" if result.policy == "retained" else "production"
    e_values = result.e_values
    found = [
        ("candidate", number(result.value) if result.value is not None else None),
        (other, number(result.production) if result.production is not None else None),
        ("examples", count(result) if result.n else None),
        ("interval", bounds(result.interval) if result.interval else None),
        ("bootstrap", bounds(result.bootstrap) if result.bootstrap else None),
        ("McNemar's p", probability(result.mcnemar) if result.mcnemar is not None else None),
        ("e-value for a pass", _large(e_values.support) if e_values else None),
        ("e-value for a fail", _large(e_values.against) if e_values else None),
        ("p of a fail, after Holm", probability(result.p_fail_holm) if result.p_fail_holm is not None else None),
        ("\N{GREEK SMALL LETTER ALPHA}", f"{result.alpha:g}" if result.alpha is not None else None),
    ]
    return [(name, value.replace("-", _MINUS)) for name, value in found if value is not None]


def _large(value: float) -> str:
    """An e-value: beyond a million it is the power of ten that tells."""
    if value < _MOST_DIGITS:
        return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
    exponent = math.floor(math.log10(value))
    return f"10{str(exponent).translate(_RAISED)}"


def _needed(result: GateResult) -> str:
    """What a gate holds against, in a word: `≥ 0.85`, or a margin with its sign."""
    if result.threshold is None or result.policy not in _HELD or (result.interval is None and result.value is None):
        return "–"  # noqa: RUF001 - a dash
    return f"{'' if is_difference(result) else '≥ '}{result.threshold:g}".replace("-", _MINUS)


def _dashed(value: float | None) -> str:
    return "–" if value is None else number(value).replace("-", _MINUS)  # noqa: RUF001 - a dash


def _date(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _share(value: float) -> str:
    """A score as an example's page shows it: 0, 0.5, 1."""
    return f"{value:.3g}"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("hubver.gate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"count": count, "number": _dashed, "share": _share, "needed": _needed}
    found.filters.update(filters)
    return found
