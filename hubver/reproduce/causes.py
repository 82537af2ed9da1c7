"""Why a run came out other than it was: what differs in its record, the likeliest cause first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver import diff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubver.record.schema import RunRecord
    from hubver.reproduce.environment import Compared

# What decides the weights by itself comes before what only moves their last digits.
_ORDER = ("code", "base", "data", "tokenizer", "seed", "hyperparameters", "adapter", "environment")
# Of the environment, what a record says beyond what `hubver.reproduce.environment` has compared already.
_DETERMINISM = frozenset({"full_determinism", "deterministic_algorithms", "cudnn_benchmark"})


@dataclass(frozen=True)
class Cause:
    """Something that differs: the part of the run, and a sentence."""

    group: str
    sentence: str


def causes(
    recorded: RunRecord, produced: RunRecord | None, deviations: Iterable[Cause], environment: Iterable[Compared]
) -> tuple[Cause, ...]:
    """What could make the outcome another one, the likeliest first.

    Args:
        recorded: of the published run.
        produced: the record that the run left when it ran again; None where it left none.
        deviations: what the reproduction was given in place of what was recorded.
        environment: how the environments compare.
    """
    found = [*deviations]
    if produced is not None:
        found += _changes(recorded, produced)
    found += [
        Cause("environment", f"{one.name} {one.recorded} → {one.here or 'not installed'}: {one.reason}")
        for one in environment
        if one.grade in {"may change bytes", "will change the result"}
    ]
    unique: dict[str, Cause] = {}
    for cause in found:  # what was given instead of the recorded is named once, in its own words
        unique.setdefault(cause.sentence.partition(":")[0], cause)
    return tuple(sorted(unique.values(), key=lambda cause: _ORDER.index(cause.group)))


def _changes(recorded: RunRecord, produced: RunRecord) -> Iterator[Cause]:
    for change in diff.compare(recorded, produced):
        beyond = change.group != "environment" or change.field in _DETERMINISM
        if change.standing == "cause" and change.group in _ORDER and beyond:
            yield Cause(change.group, change.sentence)
