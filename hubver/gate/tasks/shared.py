"""What tasks over rows have in common: where the rows come from, ids, slices, the limit, prompts, and the digest."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate import statistics
from hubver.gate.asking.examples import Examples, digest_of
from hubver.gate.asking.requests import Chat, Message
from hubver.gate.rows import SUFFIXES, HubRows, HubSplit, Row, read_rows
from hubver.gate.tasks.columns import Columns, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hubver.gate.asking.examples import Answers
    from hubver.gate.asking.requests import Answer, Prompt, Request
    from hubver.settings import Settings

    # What each example was asked, and what was answered.
    Answered = Sequence[tuple["Question", tuple[Answer, ...]]]

# The subset that `limit` takes must stay the same from one release to the next.
_LIMIT_SEED = 0


@dataclass(frozen=True)
class Question:
    """One example of a task.

    Attributes:
        requests: what the model is asked.
        expected: what should be answered, as text; may be empty.
    """

    requests: tuple[Request, ...]
    expected: str


@dataclass(frozen=True)
class RowTask(ABC):
    """A task over rows.

    Attributes:
        name: for people and reports; unique in a gates folder.
        rows: a list of dicts, the path of a `.json`, `.jsonl`, `.csv` or `.parquet` file relative to the gates file,
            `hub_rows(...)` or `hub_split(...)`.
        slice_by: the column that `worst_slice` groups by.
        limit: use this many examples, always the same ones, chosen by their content and not by their place.
    """

    name: str
    rows: Sequence[Row] | str | Path | HubRows | HubSplit
    slice_by: str | None = field(default=None, kw_only=True)
    limit: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise self._wrong("has no examples", expected="a limit of 1 or more, or None")
        if isinstance(self.rows, str) and "@" in self.rows and not self.rows.endswith(SUFFIXES):
            raise BadInput(
                f"The rows of the task {self.name!r} look like a dataset on the Hub.",
                expected=f"a file ({', '.join(SUFFIXES)})",
                hint=f'Write: rows=hub_rows("{self.rows}", "FILE.jsonl"), with the full commit after the @.',
            )

    def load(self, folder: Path, settings: Settings) -> Examples:
        """Read the rows and make the questions.

        Args:
            folder: the folder of the gates file, which relative paths start from.
            settings: the Hub's address and token, for rows on the Hub.

        Raises:
            BadInput: rows are missing, empty, or twice the same, a column is missing, or a prompt is empty.
            HubFailed: rows on the Hub could not be read.
        """
        rows = self._by_id(read_rows(self.rows, folder, settings))
        chosen = sorted(statistics.shuffled(list(rows), _LIMIT_SEED)[: self.limit])
        stated = self._stated()
        columns = Columns(self.name, type(self).__name__, json.dumps(stated, default=str) + f"{{{self.slice_by}}}")
        questions = {name: self._question(columns, rows[name]) for name in chosen}

        def judge(answers: Answers) -> Mapping[str, object]:
            scores = self._scores([(questions[name], found) for name, found in answers.items()])
            return dict(zip(answers, scores, strict=True))

        return Examples(
            task=self.name,
            requests={name: question.requests for name, question in questions.items()},
            judge=judge,
            digest=digest_of({"kind": type(self).__name__, "rows": chosen, "slice_by": self.slice_by, **stated}),
            expected={name: question.expected for name, question in questions.items()},
            slices={name: self._slice(columns, rows[name]) for name in chosen} if self.slice_by else {},
            scorer=self._scored_by(),
        )

    @abstractmethod
    def _stated(self) -> dict[str, Any]:
        """Everything that a score depends on beside the rows, as JSON."""

    @abstractmethod
    def _question(self, columns: Columns, row: Row) -> Question:
        """What the model is asked about a row."""

    @abstractmethod
    def _scores(self, answered: Answered) -> Sequence[object]:
        """The score of each, in their order, unchecked."""

    @abstractmethod
    def _scored_by(self) -> str:
        """What scores, for people."""

    def _wrong(self, what: str, *, expected: str) -> BadInput:
        return BadInput(f"The task {self.name!r} {what}.", expected=expected)

    def _slice(self, columns: Columns, row: Row) -> str:
        return str(columns.value(self.slice_by or "", "slice", "slice_by", row))

    def _by_id(self, rows: list[Row]) -> dict[str, Row]:
        by_id: dict[str, Row] = {}
        for number, row in enumerate(rows, start=1):
            try:
                name = digest_of(row)
            except (TypeError, ValueError) as error:
                raise BadInput(f"Row {number} of the task {self.name!r} is no JSON: {error}.") from None
            if name in by_id:
                raise BadInput(
                    f"Row {number} of the task {self.name!r} is there twice, so it would count twice.",
                    found=short(row),
                    hint="Remove the duplicate rows.",
                )
            by_id[name] = row
        return by_id


@dataclass(frozen=True)
class PromptTask(RowTask):
    """A task whose questions begin with a prompt.

    Attributes:
        prompt: the prompt, with `{column}` for a row's value (`{{` for a brace).
        messages: instead of a prompt, a chat, which the model's own chat template makes a text of: turns such as
            `{"role": "user", "content": "{question}"}`, whose contents are templates; or the name of a column that
            holds such turns, which are taken as they are.
    """

    prompt: str = "{prompt}"
    messages: Sequence[Mapping[str, str]] | str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.messages is None:
            return
        if self.prompt != PromptTask.prompt:
            raise self._wrong("has a prompt and messages", expected="one of the two")
        if not isinstance(self.messages, str):
            _turns(self.messages, self.name)

    def _asked(self, columns: Columns, row: Row) -> Prompt:
        """The prompt of a row."""
        if self.messages is None:
            text = columns.fill(self.prompt, "prompt", "prompt", row)
            if not text.strip():
                raise BadInput(f"The task {self.name!r} has an empty prompt.", found=f"the row {short(row)}")
            return text
        if isinstance(self.messages, str):
            return Chat(_turns(columns.value(self.messages, "chat", "messages", row), self.name))
        return Chat(
            tuple(
                Message(turn.role, columns.fill(turn.content, "chat", "messages", row))
                for turn in _turns(self.messages, self.name)
            )
        )

    def _prompt_stated(self) -> dict[str, Any]:
        if self.messages is None or isinstance(self.messages, str):
            return {"prompt": self.prompt, "messages": self.messages}
        return {"messages": [[turn.role, turn.content] for turn in _turns(self.messages, self.name)]}


def _turns(value: object, task: str) -> tuple[Message, ...]:
    turns: list[Message] = []
    for turn in value if isinstance(value, list | tuple) else ():
        role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
        if not isinstance(role, str) or not isinstance(content, str):
            turns.clear()
            break
        turns.append(Message(role, content))
    if not turns or turns[-1].role == "assistant":
        raise BadInput(
            f"The messages of the task {task!r} are no chat that a model can answer.",
            expected='a list of {"role": ..., "content": ...}, the last of them not the assistant\'s',
            found=short({"messages": value}),
        )
    return tuple(turns)
