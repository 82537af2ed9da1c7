"""The geometry of the page's pictures. Pure; templates draw it.

Along x everything is a percentage, so that a picture is as wide as its page, and text keeps its size.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubver.diff.weights.results import Module, TensorCompared, Update

HEIGHT = 120
"""Of the bars, in pixels."""
_MOST_TICKS = 8
_GAP = 0.16
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Bar:
    """One value: x and width in percent, y and height in pixels."""

    x: float
    width: float
    y: float
    height: float
    words: str


@dataclass(frozen=True)
class Label:
    """A text at a place in percent."""

    at: float
    text: str


@dataclass(frozen=True)
class Bars:
    """Values by layer, of one side or of two.

    Attributes:
        a: empty where only one side is drawn.
        b: in the order of the layers.
        labels: some of the layers' numbers.
        most: what the full height means.
        words: the same for those who cannot see it.
    """

    a: tuple[Bar, ...]
    b: tuple[Bar, ...]
    labels: tuple[Label, ...]
    most: str
    words: str


@dataclass(frozen=True)
class Cell:
    """The cosine of one module: opposed updates and aligned ones have colours of their own, as deep as they are."""

    x: float
    width: float
    depth: float
    opposed: bool
    known: bool
    words: str


@dataclass(frozen=True)
class Strip:
    """The cosines of one target, by layer."""

    target: str
    cells: tuple[Cell, ...]
    mean: str
    spread: str


@dataclass(frozen=True)
class Spectrum:
    """The singular values of one target, as shares of their sum, averaged over the layers.

    Attributes:
        a: the points of a line, in percent from the upper left corner; empty where A has no such update.
        b: likewise.
        words: the effective ranks, and the ranks.
    """

    target: str
    a: str
    b: str
    words: str


def norms(modules: Sequence[Module]) -> Bars | None:
    """The size of the updates by layer; None where no module is in a layer."""
    layers = sorted({module.layer for module in modules if module.layer is not None})
    if not layers:
        return None
    sizes = [
        [math.hypot(*(_size(getattr(module, side)) for module in modules if module.layer == layer)) for layer in layers]
        for side in "ab"
    ]
    return _bars(layers, sizes[0], sizes[1], "norm")


def movements(tensors: Sequence[TensorCompared]) -> Bars | None:
    """How far the tensors of each layer moved, relative to their size; None where that is not known of any."""
    known = [tensor for tensor in tensors if tensor.relative is not None and tensor.layer is not None]
    layers = sorted({tensor.layer for tensor in known if tensor.layer is not None})
    if not layers:
        return None
    means = [statistics.fmean(tensor.relative or 0.0 for tensor in known if tensor.layer == at) for at in layers]
    return _bars(layers, [], means, "relative change")


def strips(modules: Sequence[Module]) -> tuple[Strip, ...]:
    """The cosines, a row for each target; none where no module is changed by both."""
    if all(module.cosine is None for module in modules):
        return ()
    found = []
    for target, those in _by_target(modules):
        known = [module.cosine for module in those if module.cosine is not None]
        width = 100.0 / len(those)
        cells = tuple(_cell(module, place * width, width) for place, module in enumerate(those))
        spread = f"{_signed(min(known))} to {_signed(max(known))}" if known else "not comparable"
        found.append(Strip(target, cells, _signed(statistics.fmean(known)) if known else "", spread))
    return tuple(found)


def spectra(modules: Sequence[Module]) -> tuple[Spectrum, ...]:
    """The singular values, a picture for each target."""
    found = []
    for target, those in _by_target(modules):
        one, other = ([update for module in those if (update := getattr(module, side))] for side in "ab")
        rank = max((update.rank for update in (*one, *other)), default=0)
        if rank:
            words = ", ".join(
                f"{side} {statistics.median(update.measured.effective_rank for update in updates):.1f}"
                f" of {max(update.rank for update in updates)}"
                for side, updates in (("A", one), ("B", other))
                if updates
            )
            shares = [_shares(updates) for updates in (one, other)]
            most = max((value for side in shares for value in side), default=1.0)
            lines = [_line(side, rank, most) for side in shares]
            found.append(Spectrum(target, lines[0], lines[1], words))
    return tuple(found)


def _bars(layers: Sequence[int], one: Sequence[float], other: Sequence[float], what: str) -> Bars:
    most = max((value for value in (*one, *other) if math.isfinite(value)), default=0.0) or 1.0
    slot = 100.0 / len(layers)
    width = slot * (1 - 2 * _GAP) / (2 if one else 1)
    sides = []
    for side, values in ((0, one), (1, other)):
        start = slot * _GAP + (side * width if one else 0.0)
        name = "" if not one else "AB"[side] + " "
        sides.append(
            tuple(
                _bar(place * slot + start, width, value / most, f"layer {layer}: {name}{value:.4g}")
                for place, (layer, value) in enumerate(zip(layers, values, strict=False))
            )
        )
    step = max(1, math.ceil(len(layers) / _MOST_TICKS))
    labels = tuple(Label(slot * (place + 0.5), str(layers[place])) for place in range(0, len(layers), step))
    return Bars(sides[0], sides[1], labels, f"{most:.3g}", f"{what} by layer, {layers[0]} to {layers[-1]}")


def _bar(x: float, width: float, share: float, words: str) -> Bar:
    height = round(HEIGHT * share, 2) if math.isfinite(share) else 0.0
    return Bar(round(x, 3), round(width, 3), round(HEIGHT - height, 2), height, words)


def _cell(module: Module, x: float, width: float) -> Cell:
    where = f"layer {module.layer}" if module.layer is not None else module.name
    value = module.cosine
    words = f"{where}: {_signed(value)}" if value is not None else f"{where}: not comparable"
    depth = round(0.06 + 0.94 * abs(value), 3) if value is not None else 0.0
    return Cell(round(x, 3), round(width, 3), depth, value is not None and value < 0, value is not None, words)


def _by_target(modules: Sequence[Module]) -> Iterable[tuple[str, list[Module]]]:
    for target in dict.fromkeys(module.target for module in modules):
        those = [module for module in modules if module.target == target]
        yield target, sorted(those, key=lambda module: (module.layer is None, module.layer or 0, module.name))


def _size(update: Update | None) -> float:
    return 0.0 if update is None else update.measured.norm


def _shares(updates: Sequence[Update]) -> list[float]:
    """The mean share of each singular value; shorter spectra end in zeros."""
    longest = max((len(update.measured.singular_values) for update in updates), default=0)
    rows = []
    for update in updates:
        values = update.measured.singular_values
        total = sum(values)
        if total > 0 and math.isfinite(total):
            rows.append([value / total for value in values] + [0.0] * (longest - len(values)))
    return [statistics.fmean(column) for column in zip(*rows, strict=True)] if rows else []


def _line(shares: Sequence[float], rank: int, most: float) -> str:
    across = 100.0 / max(1, rank - 1)
    places = [(place * across if rank > 1 else 50.0, 100.0 * (1 - share / most)) for place, share in enumerate(shares)]
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", _MINUS)
