"""Tasks in which a model writes an answer, and a scorer compares it with what was expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from math import fsum
from typing import TYPE_CHECKING, Any

from hubver.gate.asking.requests import Generation
from hubver.gate.scorers import Batched, exact_match, identity, name_of, score_all
from hubver.gate.tasks.shared import PromptTask, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.rows import Row
    from hubver.gate.scorers import Scorer
    from hubver.gate.tasks.columns import Columns
    from hubver.gate.tasks.shared import Answered


@dataclass(frozen=True)
class Task(PromptTask):
    """What a model is asked to write, and how its answers are scored.

    Attributes:
        expected: the expected answer, a template like the prompt.
        scorer: from prediction and expected answer to a score in [0, 1], or such a scorer of many marked by `batched`.
        max_new_tokens: where generation stops if the model does not.
        stop: texts before which the answer ends.
        samples: 1 to take the most likely token each time, and with a temperature any number of random draws: the
            example's score is the mean of theirs.
        temperature: of random draws, above 0; None for the most likely token each time.
        top_p: of random draws, in (0, 1]: the part of the probability that is drawn from.
    """

    expected: str = "{completion}"
    scorer: Scorer | Batched = exact_match
    max_new_tokens: int = field(default=64, kw_only=True)
    stop: Sequence[str] = field(default=(), kw_only=True)
    samples: int = field(default=1, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    top_p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_new_tokens < 1:
            raise self._wrong("generates nothing", expected="max_new_tokens of 1 or more")
        if isinstance(self.stop, str) or not all(self.stop):
            raise self._wrong("has stop texts that cannot be used", expected="a list of texts that are not empty")
        if self.temperature is None and (self.samples != 1 or self.top_p != 1.0):
            raise self._wrong(
                "draws at random, but has no temperature", expected="a temperature above 0, such as temperature=0.7"
            )
        if (
            self.samples < 1
            or not 0.0 < self.top_p <= 1.0
            or (self.temperature or 1.0) < 0.0
            or self.temperature == 0.0
        ):
            raise self._wrong(
                "cannot draw like this", expected="samples of 1 or more, temperature above 0, top_p in (0, 1]"
            )

    def _stated(self) -> dict[str, Any]:
        return {
            **self._prompt_stated(),
            "expected": self.expected,
            "scorer": identity(self.scorer),
            "max_new_tokens": self.max_new_tokens,
            "stop": list(self.stop),
            "draws": None if self.temperature is None else [self.samples, self.temperature, self.top_p],
        }

    def _question(self, columns: Columns, row: Row) -> Question:
        prompt, stop = self._asked(columns, row), tuple(self.stop)
        expected = columns.fill(self.expected, "expected answer", "expected", row)
        if self.temperature is None:
            return Question((Generation(prompt, self.max_new_tokens, stop),), expected)
        draws = (
            Generation(prompt, self.max_new_tokens, stop, draw, self.temperature, self.top_p)
            for draw in range(self.samples)
        )
        return Question(tuple(draws), expected)

    def _scores(self, answered: Answered) -> Sequence[object]:
        texts = [str(answer) for _, answers in answered for answer in answers]
        wanted = [question.expected for question, answers in answered for _ in answers]
        found = iter(score_all(self.scorer, texts, wanted))
        return [_mean(list(islice(found, len(answers)))) for _, answers in answered]

    def _scored_by(self) -> str:
        return f"the scorer {name_of(self.scorer)}"


def _mean(scores: list[object]) -> object:
    """The mean of what a scorer gave; what is no number in [0, 1] goes on as it is, to be refused by its own value."""
    if len(scores) == 1:
        return scores[0]
    numbers = [score for score in scores if isinstance(score, int | float) and 0.0 <= score <= 1.0]
    if len(numbers) < len(scores):
        return next(score for score in scores if not any(score is number for number in numbers))
    return fsum(numbers) / len(numbers)
