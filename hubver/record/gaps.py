"""What is not known of a run: which of it must be known before it is published, and what would fill it.

A name here is a part of the record, such as `data`, or one of its fields, such as `training.seeds.seed`. It is open
where the record does not hold it, or where a gap says that it, or something below it, is not known for certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadSettings, Incomplete
from hubver.record.schema import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hubver.record.schema import RunRecord

_WATCH = "train with HubverCallback, which sees it"
# What may be required, and what fills it.
FILLS = {
    "base_model": "push where the Hub's cache holds the base, or train with HubverCallback",
    "base_model.id": "--base org/name",
    "base_model.sha": "--base org/name@COMMIT",
    "code": _WATCH,
    "code.sha": "commit the code, and push from its repository or train with HubverCallback",
    "data": "--data FILE, FOLDER or org/name@COMMIT; several are allowed",
    "environment": _WATCH,
    "metrics": "evaluate while training: eval_strategy and an eval_dataset",
    "tokenizer": "save the tokenizer beside the model: tokenizer.save_pretrained(FOLDER)",
    "tokenizer.files": "save the tokenizer beside the model: tokenizer.save_pretrained(FOLDER)",
    "training": _WATCH,
    "training.arguments": _WATCH,
    "training.log_history": "push the folder that holds trainer_state.json, or train with HubverCallback",
    "training.seeds.seed": _WATCH,
    "weights": "save the model again at the end of the run",
}
# Only the tool itself knows better.
_UNFILLED = frozenset({"training.configuration"})
# What a run cannot be made again without: what `--strict` asks for.
STRICT = ("base_model.sha", "code.sha", "data", "training.arguments", "training.seeds.seed")


@dataclass(frozen=True)
class Group:
    """Gaps of one part of the record that the same thing would fill.

    Attributes:
        part: the part's name, such as `training`.
        lines: what is not known and why, a line for each reason.
        fill: what would fill them; None where nothing that a user can do is known to.
    """

    part: str
    lines: tuple[str, ...]
    fill: str | None

    @property
    def text(self) -> str:
        """The lines, and below them what would fill them."""
        return "\n".join((*self.lines, *([f"  → {self.fill}"] if self.fill else [])))


def check_names(required: Iterable[str], source: Path | None) -> None:
    """See that everything that is required can be.

    Args:
        required: the names.
        source: the file that they stand in.

    Raises:
        BadSettings: a name is unknown; the error lists those that are known.
    """
    for name in required:
        if name not in FILLS:
            raise BadSettings(
                f"{source or 'The settings'} require {name!r} of a record, which is nothing that can be required.",
                expected=f"one of {', '.join(FILLS)}",
            )


def open_of(record: RunRecord, required: Iterable[str]) -> tuple[Gap, ...]:
    """What is required and not known: the gaps at the names and below them, and names that hold nothing."""
    found: dict[Gap, None] = {}
    for name in dict.fromkeys(required):
        gaps = [gap for gap in record.gaps if f"{gap.field}.".startswith(f"{name}.")]
        if not gaps and not _holds(record, name):
            gaps = [Gap(field=name, reason="the record does not say")]
        found |= dict.fromkeys(gaps)
    return tuple(found)


def require(record: RunRecord, required: Sequence[str]) -> None:
    """See that a record holds everything that is required.

    Raises:
        Incomplete: something is open; the hint says what fills it.
    """
    missing = open_of(record, required)
    if missing:
        fields = dict.fromkeys(gap.field for gap in missing)
        raise Incomplete(
            f"The record of this run lacks what is required, so nothing was sent: {', '.join(fields)}.",
            hint="\n".join(group.text for group in grouped(missing)).replace("\n", "\n  "),
        )


def grouped(gaps: Iterable[Gap]) -> tuple[Group, ...]:
    """The gaps for people: by part, then by what fills them; fields with the same reason share a line."""
    parts: dict[str, dict[str | None, dict[str, dict[str, None]]]] = {}
    for gap in gaps:
        fills = parts.setdefault(gap.field.partition(".")[0], {})
        fills.setdefault(_fill(gap.field), {}).setdefault(gap.reason, {})[gap.field] = None
    return tuple(
        Group(part, tuple(f"{', '.join(fields)}: {reason}" for reason, fields in reasons.items()), fill)
        for part, fills in parts.items()
        for fill, reasons in fills.items()
    )


def _fill(field: str) -> str | None:
    """What fills a field: what the longest name above it says."""
    steps = field.split(".")
    names = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
    return None if field in _UNFILLED else next((FILLS[name] for name in names if name in FILLS), None)


def _holds(record: RunRecord, name: str) -> bool:
    """Whether there is a value. No argument that differs from its default is one too, but no data is not."""
    value: Any = record
    for step in name.split("."):
        value = getattr(value, step)
    return value is not None and value != ()
