"""Tasks in which a model chooses: the choice that it finds most likely. Nothing is generated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hubver.errors import BadInput
from hubver.gate.asking.requests import Likelihood
from hubver.gate.tasks.columns import short
from hubver.gate.tasks.shared import PromptTask, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Answer
    from hubver.gate.rows import Row
    from hubver.gate.tasks.columns import Columns
    from hubver.gate.tasks.shared import Answered

    Length = Literal["characters", "bytes", "tokens"]

_LENGTHS = ("characters", "bytes", "tokens")


@dataclass(frozen=True)
class ChoiceTask(PromptTask):
    """Multiple choice by log-likelihood, or with a fixed list of choices, classification. The score is the accuracy.

    The choice that is most likely after the prompt is the model's; of two that are as likely, the first.

    Attributes:
        choices: the column that holds the list of choices, or a list of templates that is the same for every row.
        answer: the column that holds the right choice: its text, or its number counted from 0. A text that is one of the
            choices is never taken for a number.
        separator: stands between prompt and choice, and counts as the choice's.
        normalise: None to compare log-probabilities as they are (the `acc` of lm-evaluation-harness), which favours short
            choices; or divide them by the choice's length in `characters` (its `acc_norm`), `bytes` (`acc_bytes`) or
            `tokens`. The separator is not part of that length, but for tokens.
    """

    choices: str | Sequence[str] = "choices"
    answer: str = "answer"
    separator: str = field(default=" ", kw_only=True)
    normalise: Length | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.choices, str) and len(self.choices) < 2:
            raise self._wrong("leaves no choice", expected="2 choices or more")
        if self.normalise not in (None, *_LENGTHS):
            raise self._wrong(f"is normalised by {self.normalise!r}", expected=f"None or one of {', '.join(_LENGTHS)}")

    def _stated(self) -> dict[str, Any]:
        return {
            **self._prompt_stated(),
            "choices": self.choices if isinstance(self.choices, str) else list(self.choices),
            "answer": self.answer,
            "separator": self.separator,
            "normalise": self.normalise,
        }

    def _question(self, columns: Columns, row: Row) -> Question:
        choices = self._choices(columns, row)
        right = self._right(columns.value(self.answer, "answer", "answer", row), choices, row)
        prompt = self._asked(columns, row)
        return Question((Likelihood(prompt, tuple(self.separator + choice for choice in choices)),), choices[right])

    def _choices(self, columns: Columns, row: Row) -> list[str]:
        if isinstance(self.choices, str):
            found = columns.value(self.choices, "list of choices", "choices", row)
            choices = [str(item) for item in found] if isinstance(found, list | tuple) else []
        else:
            choices = [columns.fill(choice, "choice", "choices", row) for choice in self.choices]
        if len(set(choices)) < max(2, len(choices)) or not all(choices):
            raise BadInput(
                f"The choices of a row of the task {self.name!r} are none.",
                expected="a list of 2 or more texts, all different and none empty",
                found=short(row),
            )
        return choices

    def _right(self, answer: object, choices: list[str], row: Row) -> int:
        text = str(answer)
        if text in choices and type(answer) is not int:
            return choices.index(text)
        if text.isdecimal() and int(text) < len(choices):
            return int(text)
        raise BadInput(
            f"The answer of a row of the task {self.name!r} is none of its choices.",
            expected=f"one of {', '.join(map(repr, choices))}, or a number from 0 to {len(choices) - 1}",
            found=f"{answer!r} in {short(row)}",
        )

    def _scores(self, answered: Answered) -> Sequence[object]:
        scores = []
        for question, (answer,) in answered:
            (request,) = question.requests
            texts = request.continuations if isinstance(request, Likelihood) else ()
            found = self._weighed(answer, [text[len(self.separator) :] for text in texts])
            best = max(range(len(found)), key=found.__getitem__)
            scores.append(float(texts[best] == self.separator + question.expected))
        return scores

    def _weighed(self, answer: Answer, choices: list[str]) -> list[float]:
        found = [item for item in answer if not isinstance(item, str)]
        if self.normalise == "tokens":
            return [item.log_probability / item.tokens for item in found]
        if self.normalise is None:
            return [item.log_probability for item in found]
        lengths = [len(choice.encode() if self.normalise == "bytes" else choice) for choice in choices]
        return [item.log_probability / length for item, length in zip(found, lengths, strict=True)]

    def _scored_by(self) -> str:
        by = f", by {self.normalise}" if self.normalise else ""
        return f"the accuracy of the likeliest choice{by}"
