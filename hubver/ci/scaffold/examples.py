"""Held-out examples: whether a file of rows can be asked about, and how."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate.rows import SUFFIXES
from hubver.gate.rows.files import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubver.gate.rows import Row

# What datasets of instructions call the two, the most usual first.
_PAIRS = (
    ("prompt", "completion"),
    ("question", "answer"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("input", "output"),
    ("input", "target"),
    ("prompt", "response"),
)
# What a column of slices is most likely called; any other that looks like one will do.
_SLICES = ("slice", "category", "label", "queue", "topic", "language", "task", "source")
_MOST_SLICES = 20
_FEWEST_IN_A_SLICE = 5
# Answers of so few words are right or wrong; of longer ones the words in common count.
_SHORT_WORDS = 8
_FIRST = 3
_FEWEST_TOKENS = 16
_MOST_TOKENS = 512
# More than this belongs into a dataset on the Hub, not into a repository of code.
_LARGEST = 20_000_000


@dataclass(frozen=True)
class Examples:
    """A file of rows, and how to ask about them.

    Attributes:
        file: as it was named.
        content: its bytes.
        rows: how many there are.
        prompt: the column of prompts.
        chat: whether that column holds turns of a chat.
        expected: a template of the expected answer.
        slice_by: a column that tells slices apart; None where none does.
        exact: whether answers are short enough to be right or wrong.
        max_new_tokens: room for the longest expected answer.
        first: a few of the prompts; none of a chat.
    """

    file: Path
    content: bytes
    rows: int
    prompt: str
    chat: bool
    expected: str
    slice_by: str | None
    exact: bool
    max_new_tokens: int
    first: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> Examples:
        """Look at a file.

        Raises:
            NotFound: there is no such file.
            BadInput: it holds no rows, or one that cannot be asked about; the message names its line.
            MissingPackage: it is Parquet, and pyarrow is not installed.
        """
        if file.is_file() and file.suffix in SUFFIXES and file.stat().st_size > _LARGEST:
            raise BadInput(
                f"{file} is too large for a repository of code.",
                expected=f"at most {_LARGEST // 10**6} MB",
                found=f"{file.stat().st_size / 10**6:.0f} MB",
                hint="Publish it as a dataset, and name it in the gates: rows=hub_rows(...). See docs/guide/gates.md",
            )
        rows = parse(file, str(file))
        content = file.read_bytes()
        places = _places(file, content, len(rows))
        prompt, completion = _columns(rows, file)
        chat = isinstance(rows[0][prompt], list)
        turns = isinstance(rows[0][completion], list)
        answers = [
            _checked(row, prompt, completion, place, chat=chat, turns=turns)
            for row, place in zip(rows, places, strict=True)
        ]
        _refuse_twice(rows, places)
        longest = max(len(answer) for answer in answers)
        return cls(
            file=file,
            content=content,
            rows=len(rows),
            prompt=prompt,
            chat=chat,
            expected=f"{{{completion}[0][content]}}" if turns else f"{{{completion}}}",
            slice_by=_slices(rows, {prompt, completion}),
            exact=all(len(answer.split()) <= _SHORT_WORDS for answer in answers),
            # About two characters a token leaves room; the next power of two, so that a new row changes nothing.
            max_new_tokens=min(_MOST_TOKENS, max(_FEWEST_TOKENS, 1 << (longest // 2).bit_length())),
            first=() if chat else tuple(str(row[prompt]) for row in rows[:_FIRST]),
        )


def _places(file: Path, content: bytes, rows: int) -> list[str]:
    """What to call each row in an error."""
    if file.suffix != ".jsonl":
        return [f"{file}, row {number}" for number in range(1, rows + 1)]
    lines = content.decode("utf-8-sig").split("\n")
    return [f"{file}, line {number}" for number, line in enumerate(lines, start=1) if line.strip()]


def _columns(rows: Sequence[Row], file: Path) -> tuple[str, str]:
    for prompt, completion in _PAIRS:
        if prompt in rows[0] and completion in rows[0]:
            return prompt, completion
    raise BadInput(
        f"{file} has no columns that say what is asked and what should be answered.",
        expected=", ".join(f"{prompt} and {completion}" for prompt, completion in _PAIRS[:3]) + ", ...",
        found=", ".join(map(str, rows[0])) or "none",
        hint="Rename two columns to prompt and completion.",
    )


def _checked(row: Row, prompt: str, completion: str, place: str, *, chat: bool, turns: bool) -> str:
    """The expected answer of a row that can be asked about."""
    for column, many in ((prompt, chat), (completion, turns)):
        if column not in row:
            raise BadInput(f"{place}: there is no column {column!r}.", found=", ".join(map(str, row)))
        fits = _is_chat(row[column]) if many else _is_text(row[column])
        if not fits:
            kind = 'a list of {"role": ..., "content": ...}' if many else "a text that is not empty"
            raise BadInput(f"{place}: the column {column!r} cannot be used.", expected=kind, found=_short(row[column]))
    if turns and len(row[completion]) != 1:
        raise BadInput(f"{place}: {completion!r} has {len(row[completion])} turns.", expected="one answer")
    if chat and row[prompt][-1]["role"] == "assistant":
        raise BadInput(f"{place}: the chat in {prompt!r} ends with an answer.", expected="a question to answer")
    return str(row[completion][0]["content"] if turns else row[completion])


def _is_text(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else type(value) in (int, float)


def _is_chat(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
            for turn in value
        )
    )


def _refuse_twice(rows: Sequence[Row], places: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for row, place in zip(rows, places, strict=True):
        key = json.dumps(row, sort_keys=True, default=str)
        if key in seen:
            raise BadInput(f"{place}: this row is there twice, so it would count twice.", found=seen[key])
        seen[key] = place


def _slices(rows: Sequence[Row], taken: set[str]) -> str | None:
    known = [name for name in _SLICES if name in rows[0]]
    others = [str(name) for name in rows[0] if name not in {*known, *taken}]
    return next((name for name in [*known, *others] if name not in taken and _tells_apart(rows, name)), None)


def _tells_apart(rows: Sequence[Row], column: str) -> bool:
    """Whether a column has a few values, each of which occurs often enough to say something about."""
    values: list[Any] = [row.get(column) for row in rows]
    if not all(isinstance(value, str | int) and value != "" for value in values):
        return False
    counts = Counter(map(str, values))
    return 1 < len(counts) <= _MOST_SLICES and min(counts.values()) >= _FEWEST_IN_A_SLICE


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
