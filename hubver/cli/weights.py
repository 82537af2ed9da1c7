"""What tensors say, in a terminal: shared by `hubver diff --weights` and `hubver show --weights`."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from hubver.cli.output import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from hubver.diff.weights.results import Module, Side, WeightsCompared

_MOST_TENSORS = 10


def shown(found: WeightsCompared) -> list[RenderableType]:
    """A comparison: the sides, the LoRA updates by target, the tensors that changed most."""
    from rich.text import Text

    parts: list[RenderableType] = [sides([found.a, found.b])]
    said = []
    if found.identical:
        said.append("The weights are the same bytes.")
    if found.not_compared:
        said.append(f"Not compared: {found.not_compared}.")
    if found.cosine is not None:
        said.append(f"Cosine between the two updates: {found.cosine:+.4f}")
    for side, notes in (("A", found.a.notes), ("B", found.b.notes)):
        said += [f"{side}: {visible(text)}" for text in notes]
    parts += [Text(line) for line in said]
    if found.modules:
        parts += [Text(), _targets(found.modules)]
    if found.tensors:
        parts += [Text(), *_tensors(found)]
    return parts


def sides(found: list[Side]) -> Table:
    """The facts of one or two sides, in columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Weights", no_wrap=True)
    for name in ("A", "B") if len(found) > 1 else ("",):
        table.add_column(name, overflow="fold")
    rows = [_facts(side) for side in found]
    for name in rows[0]:
        if any(row.get(name) for row in rows):
            table.add_row(name, *(Text(visible(row.get(name) or "-")) for row in rows))
    return table


def _facts(side: Side) -> dict[str, str]:
    lora = side.modules > 0
    return {
        "kind": "whole model" if side.kind == "full" else "LoRA adapter" if lora else "adapter",
        "ranks": ", ".join(map(str, side.ranks)),
        "alpha": ", ".join(f"{alpha:g}" for alpha in side.alphas) or ("unknown" if lora else ""),
        "targets": ", ".join(side.targets),
        "modules": f"{side.modules:,}" if lora else "",
        "parameters": f"{side.parameters:,} ({', '.join(side.dtypes)})",
        "size": f"{side.size / 1e6:,.1f} MB",
        "update norm": "" if side.norm is None else f"{side.norm:.4g}",
        "effective rank": "" if side.effective_rank is None else f"{side.effective_rank:.2f} (median of the modules)",
    }


def _targets(modules: tuple[Module, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Target", overflow="fold")
    for name in ("modules", "norm A", "norm B", "eff. rank A", "eff. rank B", "cosine"):
        table.add_column(name, justify="right")
    for target in sorted({module.target for module in modules}):
        those = [module for module in modules if module.target == target]
        cosines = [module.cosine for module in those if module.cosine is not None]
        table.add_row(
            Text(visible(target)),
            str(len(those)),
            *(_norm(those, side) for side in "ab"),
            *(_rank(those, side) for side in "ab"),
            "-" if not cosines else f"{statistics.fmean(cosines):+.3f}",
        )
    return table


def _norm(modules: list[Module], side: str) -> str:
    known = [update.measured.norm for module in modules if (update := getattr(module, side)) is not None]
    return f"{math.hypot(*known):.4g}" if known else "-"


def _rank(modules: list[Module], side: str) -> str:
    known = [update.measured.effective_rank for module in modules if (update := getattr(module, side)) is not None]
    return f"{statistics.median(known):.2f}" if known else "-"


def _tensors(found: WeightsCompared) -> list[RenderableType]:
    from rich.text import Text

    changed = [tensor for tensor in found.tensors if not tensor.same]
    first = sorted(changed, key=lambda tensor: (tensor.relative is not None, -(tensor.relative or 0.0)))
    lines = [f"Other tensors: {len(found.tensors) - len(changed):,} the same, {len(changed):,} not"]
    for tensor in first[:_MOST_TENSORS]:
        if tensor.where != "both":
            what = f"only in {tensor.where.upper()}"
        elif tensor.relative is None:
            what = tensor.note or "other values"
        else:
            what = f"changed by {tensor.relative:.3g} of its size"
        lines.append(f"  {visible(tensor.name)}: {what}")
    if len(first) > _MOST_TENSORS:
        lines.append(f"  and {len(first) - _MOST_TENSORS:,} more")
    return [Text(line) for line in lines]
