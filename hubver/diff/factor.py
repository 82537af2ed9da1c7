"""Which of the things that somebody can choose about a run differ between two. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.diff.changes import FACTORS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubver.diff.changes import Change, Group
    from hubver.record.schema import RunRecord

_WORDS = {"adapter": "the adapter's shape"}


@dataclass(frozen=True)
class Factors:
    """What differs between two runs, as a cause.

    Attributes:
        changed: the factors that differ, in the order of `FACTORS`.
        unknown: those that not both runs recorded, and which may therefore differ as well.
    """

    changed: tuple[Group, ...]
    unknown: tuple[Group, ...] = ()

    def __str__(self) -> str:
        """One sentence, such as `One factor changed: data`, and what could not be told."""
        names = ", ".join(_WORDS.get(name, name) for name in self.changed)
        doubt = ", ".join(_WORDS.get(name, name) for name in self.unknown)
        if not self.changed:
            said = "No factor is known to have changed."
        elif len(self.changed) == 1:
            said = f"One factor changed: {names}."
        else:
            said = f"{_COUNTS[len(self.changed)]} factors changed: {names}."
        return f"{said} Not recorded by both runs: {doubt}." if doubt else said


_COUNTS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")


def factors(changes: Iterable[Change]) -> Factors:
    """Name the factors that differ. What follows from another difference is none, and neither is what has no bearing."""
    every = tuple(changes)
    changed = {change.group for change in every if change.standing == "cause"}
    unknown = {change.group for change in every if change.standing == "unknown"} - changed
    return Factors(
        tuple(name for name in FACTORS if name in changed), tuple(name for name in FACTORS if name in unknown)
    )


def told(old: RunRecord, new: RunRecord, changes: Iterable[Change]) -> Factors:
    """Like `factors`, with what neither run recorded among the unknown: where nothing is known, nothing differs."""
    found = factors(changes)
    missing = {name for record in (old, new) for name in _missing(record)} | {*found.unknown}
    unknown = tuple(name for name in FACTORS if name in missing and name not in found.changed)
    return Factors(found.changed, unknown)


def _missing(record: RunRecord) -> list[Group]:
    """The factors of which a record says nothing."""
    base, late = record.base_model, {gap.field for gap in record.gaps}
    nothing: dict[Group, bool] = {
        "base": base.sha is None and base.weights_sha256 is None,
        "data": not record.data,
        "hyperparameters": record.training.arguments_class is None,
        "seed": record.training.seeds.seed is None,
        "code": record.code.sha is None or "code" in late,
        "environment": not record.environment.packages or "environment" in late,
    }
    return [name for name, unknown in nothing.items() if unknown]
