"""A row's columns, and templates over them. Every complaint names the task, the column, and what to write instead."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadInput

if TYPE_CHECKING:
    from hubver.gate.rows import Row


@dataclass(frozen=True)
class Columns:
    """Reads the columns of one task's rows.

    Attributes:
        task: the task's name.
        kind: its class, for hints.
        used: every template of the task, so that a hint names a column that is free.
    """

    task: str
    kind: str
    used: str

    def fill(self, template: str, what: str, option: str, row: Row) -> str:
        """A template with the row's values in it.

        Args:
            template: with `{column}` for a value, and `{{` for a brace.
            what: is made of it, for people.
            option: of the task, that the template was given by.
            row: the row.

        Raises:
            BadInput: a column is missing or empty, or this is no template.
        """
        try:
            for column in {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}:
                self.value(column.split(".")[0].split("[")[0], what, option, row)
            return template.format(**row)
        except (ValueError, IndexError, AttributeError, KeyError, TypeError) as error:
            raise BadInput(
                f"The {what} of the task {self.task!r} cannot be made from the template {template!r}: {error}.",
                hint="In a template, write {{ and }} for braces that are no column.",
            ) from None

    def value(self, column: str, what: str, option: str, row: Row) -> object:
        """The value of one column.

        Raises:
            BadInput: there is no such column, or it is empty.
        """
        if column not in row:
            raise BadInput(
                f"The {what} of the task {self.task!r} needs the column {column!r}, which a row lacks; "
                f"its columns are {', '.join(map(str, row))}.",
                hint=self._another(column, option, row),
            )
        value: object = row[column]
        if value is None:
            raise BadInput(
                f"The {what} of the task {self.task!r} needs the column {column!r}, which is empty in a row.",
                found=short(row),
            )
        return value

    def _another(self, column: str, option: str, row: Row) -> str:
        """What to write instead of a column that is not there: a column that nothing else uses yet."""
        plain = option in ("slice_by", "choices", "answer", "messages")
        if not plain and not column.isidentifier():
            return "In a template, write {{ and }} for braces that are no column."
        free = next((name for name in row if f"{{{name}}}" not in self.used), next(iter(row), "COLUMN"))
        written = free if plain else f"{{{free}}}"
        return f'Name a column that is there, such as: {self.kind}({option}="{written}")'


def short(row: Row) -> str:
    """A row in few words, for an error."""
    text = json.dumps(row, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
