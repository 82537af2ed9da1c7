"""Tasks: examples, how a prompt is made of one, and how an answer is scored. Light: no model is needed to declare one."""

from __future__ import annotations

import hashlib
import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate import statistics
from hubver.gate.examples import Examples
from hubver.gate.requests import Generation
from hubver.gate.rows import HubRows, Row, read_rows
from hubver.gate.scorers import exact_match, identity, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.examples import Answers
    from hubver.gate.scorers import Scorer
    from hubver.settings import Settings

# The subset that `limit` takes must stay the same from one release to the next.
_LIMIT_SEED = 0


@dataclass(frozen=True)
class Task:
    """What a model is asked, and how its answers are scored.

    Attributes:
        name: for people and reports; unique in a gates folder.
        rows: a list of dicts, the path of a `.json` or `.jsonl` file relative to the gates file, or `hub_rows(...)`.
        prompt: the prompt, with `{column}` for a row's value (`{{` for a brace).
        expected: the expected answer, likewise.
        scorer: from prediction and expected answer to a score in [0, 1].
        slice_by: the column that `worst_slice` groups by.
        max_new_tokens: where generation stops if the model does not.
        limit: use this many examples, always the same ones, chosen by their content and not by their place.
    """

    name: str
    rows: Sequence[Row] | str | Path | HubRows
    prompt: str = "{prompt}"
    expected: str = "{completion}"
    scorer: Scorer = exact_match
    slice_by: str | None = None
    max_new_tokens: int = 64
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise BadInput(f"The task {self.name!r} generates nothing.", expected="max_new_tokens of 1 or more")
        if self.limit is not None and self.limit < 1:
            raise BadInput(f"The task {self.name!r} has no examples.", expected="a limit of 1 or more, or None")
        if isinstance(self.rows, str) and "@" in self.rows and not self.rows.endswith((".json", ".jsonl")):
            raise BadInput(
                f"The rows of the task {self.name!r} look like a dataset on the Hub.",
                expected="a .json or .jsonl file",
                hint=f'Write: rows=hub_rows("{self.rows}", "FILE.jsonl"), with the full commit after the @.',
            )

    def load(self, folder: Path, settings: Settings) -> Examples:
        """Read the rows and make the prompts.

        Args:
            folder: the folder of the gates file, which relative paths start from.
            settings: the Hub's address and token, for rows on the Hub.

        Raises:
            BadInput: rows are missing, empty, or twice the same, a column is missing, or a prompt is empty.
            HubFailed: rows on the Hub could not be read.
        """
        source = Path(self.rows) if isinstance(self.rows, str) else self.rows
        rows = read_rows(source if isinstance(source, Path | HubRows) else list(source), folder, settings)
        by_id = self._by_id(rows)
        chosen = sorted(statistics.shuffled(list(by_id), _LIMIT_SEED)[: self.limit])
        prompts = {name: self._fill(self.prompt, "prompt", by_id[name]) for name in chosen}
        if empty := [row for name, row in by_id.items() if name in prompts and not prompts[name].strip()]:
            raise BadInput(f"The task {self.name!r} has an empty prompt.", found=f"the row {_short(empty[0])}")
        expected = {name: self._fill(self.expected, "expected answer", by_id[name]) for name in chosen}

        def judge(answers: Answers) -> dict[str, object]:
            return {name: self.scorer(str(answer), expected[name]) for name, (answer,) in answers.items()}

        return Examples(
            task=self.name,
            requests={name: (Generation(prompts[name], self.max_new_tokens),) for name in chosen},
            judge=judge,
            digest=self._digest(chosen),
            expected=expected,
            slices={name: self._slice(by_id[name]) for name in chosen} if self.slice_by else {},
            scorer=f"the scorer {name_of(self.scorer)}",
        )

    def _by_id(self, rows: list[Row]) -> dict[str, Row]:
        by_id: dict[str, Row] = {}
        for number, row in enumerate(rows, start=1):
            try:
                name = _digest_of(row)
            except (TypeError, ValueError) as error:
                raise BadInput(f"Row {number} of the task {self.name!r} is no JSON: {error}.") from None
            if name in by_id:
                raise BadInput(
                    f"Row {number} of the task {self.name!r} is there twice, so it would count twice.",
                    found=_short(row),
                    hint="Remove the duplicate rows.",
                )
            by_id[name] = row
        return by_id

    def _fill(self, template: str, what: str, row: Row) -> str:
        try:
            columns = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
            for column in columns:
                self._value(column.split(".")[0].split("[")[0], what, row)
            return template.format(**row)
        except (ValueError, IndexError, AttributeError, KeyError, TypeError) as error:
            raise BadInput(
                f"The {what} of the task {self.name!r} cannot be made from the template {template!r}: {error}.",
                hint="In a template, write {{ and }} for braces that are no column.",
            ) from None

    def _slice(self, row: Row) -> str:
        return str(self._value(self.slice_by or "", "slice", row))

    def _value(self, column: str, what: str, row: Row) -> object:
        if column not in row:
            raise BadInput(
                f"The {what} of the task {self.name!r} needs the column {column!r}, which a row lacks; "
                f"its columns are {', '.join(map(str, row))}.",
                hint=self._name_another(what, column, row),
            )
        if row[column] is None:
            raise BadInput(
                f"The {what} of the task {self.name!r} needs the column {column!r}, which is empty in a row.",
                found=_short(row),
            )
        value: object = row[column]
        return value

    def _name_another(self, what: str, column: str, row: Row) -> str:
        """What to write instead of a column that is not there: a column that nothing else uses yet."""
        if what != "slice" and not column.isidentifier():
            return "In a template, write {{ and }} for braces that are no column."
        used = f"{self.prompt} {self.expected} {{{self.slice_by}}}"
        free = next((name for name in row if f"{{{name}}}" not in used), next(iter(row), "COLUMN"))
        option = {"prompt": f'prompt="{{{free}}}"', "slice": f'slice_by="{free}"'}.get(what, f'expected="{{{free}}}"')
        return f"Name a column that is there, such as: Task({option})"

    def _digest(self, ids: list[str]) -> str:
        return _digest_of(
            {
                "rows": ids,
                "prompt": self.prompt,
                "expected": self.expected,
                "scorer": identity(self.scorer),
                "slice_by": self.slice_by,
                "generation": {"strategy": "greedy", "max_new_tokens": self.max_new_tokens},
            }
        )


def _digest_of(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _short(row: Row) -> str:
    text = json.dumps(row, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
