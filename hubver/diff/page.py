"""A difference as one HTML page that needs nothing else: no script, no request, light and dark, on a phone and on paper."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from hubver.diff import pictures

if TYPE_CHECKING:
    from jinja2 import Environment

    from hubver.diff.changes import Change
    from hubver.diff.difference import Difference
    from hubver.diff.weights.results import Side, TensorCompared

_STANDINGS = {
    "cause": "What changed",
    "unknown": "Not recorded by both, so nobody can tell",
    "consequence": "What follows",
    "aside": "Without bearing on the model",
}
_MOST_TENSORS = 20


def html(found: Difference) -> str:
    """The whole page."""
    environment = _environment()
    style = "\n".join(environment.get_template(name).render() for name in ("report.css", "diff.css"))
    modules = found.weights.modules if found.weights else ()
    return environment.get_template("diff.html").render(
        found=found,
        sections=_sections(found.changes),
        metrics=[change for change in found.changes if change.group == "metrics"],
        sides=_sides(found),
        norms=pictures.norms(modules),
        strips=pictures.strips(modules),
        spectra=pictures.spectra(modules),
        movements=pictures.movements(found.weights.tensors if found.weights else ()),
        tensors=_moved(found.weights.tensors if found.weights else ()),
        height=pictures.HEIGHT,
        style=style,
        # The page can run no script and load nothing, whatever a record says.
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _sections(changes: tuple[Change, ...]) -> list[tuple[str, dict[str, list[str]]]]:
    """The sentences by standing and group; metrics have a table of their own."""
    sections = []
    for standing, title in _STANDINGS.items():
        groups: dict[str, list[str]] = {}
        for change in changes:
            if change.standing == standing and change.group != "metrics":
                groups.setdefault(change.group, []).append(change.sentence)
        if groups:
            sections.append((title, groups))
    return sections


def _sides(found: Difference) -> list[tuple[str, str, str]]:
    if found.weights is None:
        return []
    one, other = _facts(found.weights.a), _facts(found.weights.b)
    return [(name, one[name], other[name]) for name in one if one[name] or other[name]]


def _facts(side: Side) -> dict[str, str]:
    return {
        "kind": "whole model" if side.kind == "full" else "LoRA adapter" if side.modules else "adapter",
        "ranks": ", ".join(map(str, side.ranks)),
        "alpha": ", ".join(f"{alpha:g}" for alpha in side.alphas),
        "targets": ", ".join(side.targets),
        "modules": f"{side.modules:,}" if side.modules else "",
        "parameters": f"{side.parameters:,}",
        "number format": ", ".join(side.dtypes),
        "size": f"{side.size / 1e6:,.1f} MB",
        "norm of the update": "" if side.norm is None else f"{side.norm:.4g}",
        "effective rank, median": "" if side.effective_rank is None else f"{side.effective_rank:.2f}",
    }


def _moved(tensors: tuple[TensorCompared, ...]) -> list[TensorCompared]:
    """Those that changed most, first those of which that cannot be said."""
    changed = [tensor for tensor in tensors if not tensor.same]
    return sorted(changed, key=lambda item: (item.relative is not None, -(item.relative or 0.0)))[:_MOST_TENSORS]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}".replace("-", "\N{MINUS SIGN}")  # noqa: RUF001 - a dash


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    found = Environment(
        # The looks are those of the gate's report.
        loader=ChoiceLoader([PackageLoader("hubver.diff"), PackageLoader("hubver.gate.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["number"] = _number
    return found
