"""Which part of the version to raise, from what changed. Pure.

What applications must follow (another base, another tokenizer or form of the task, a whole model in place of an adapter)
is major; what makes another model of the same kind is minor; the same weights with another card are a patch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.diff.changes import FACTORS
from hubver.diff.compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubver.diff.changes import Change
    from hubver.record.schema import RunRecord
    from hubver.versions import Bump

_MAJOR = frozenset({"base", "tokenizer"})
# Of an adapter, what decides how it is loaded and asked.
_MAJOR_FIELDS = frozenset({("adapter", "kind"), ("adapter", "peft_type"), ("adapter", "task_type")})


@dataclass(frozen=True)
class Proposal:
    """The part of the version to raise, and why, in a few words."""

    bump: Bump
    reason: str


def propose(old: RunRecord | None, new: RunRecord) -> Proposal:
    """The proposal for a run that follows another one; `minor` where there is none, or only the same run."""
    if old is None or old.run_id == new.run_id:
        return Proposal("minor", "there is no earlier run to compare it with")
    return of_changes(compare(old, new))


def bump(changes: Iterable[Change]) -> Bump:
    """Which part to raise, given every change from one version to the next."""
    return of_changes(changes).bump


def of_changes(changes: Iterable[Change]) -> Proposal:
    """Like `bump`, with the reason."""
    every = tuple(changes)
    causes = [change for change in every if change.standing == "cause"]
    for change in causes:
        if change.group in _MAJOR or (change.group, change.field) in _MAJOR_FIELDS:
            return Proposal("major", change.sentence)
    for change in causes:
        if change.group in FACTORS:
            more = len(causes) - 1
            return Proposal("minor", f"{change.sentence}{f', and {more} more' if more else ''}")
    for change in every:
        if change.group == "weights" or change.standing == "unknown":
            return Proposal("minor", change.sentence)
    return Proposal("patch", "the weights and how they were made are the same")
