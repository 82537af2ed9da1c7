"""Tasks in which a model is asked how likely texts are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate.asking.requests import Likelihood
from hubver.gate.tasks.columns import short
from hubver.gate.tasks.shared import Question, RowTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.rows import Row
    from hubver.gate.tasks.columns import Columns
    from hubver.gate.tasks.shared import Answered


@dataclass(frozen=True)
class PerplexityTask(RowTask):
    """How likely texts are to the model, so that what it was not trained on stays as likely as before.

    The score of an example is exp(log-probability of the text / its tokens): the geometric mean of the probabilities of
    its tokens, which is 1 / perplexity, in (0, 1]. A score of 0.5 is a perplexity of 2. The gate's mean is that of these
    scores, and so not 1 / the perplexity of all texts together. Models that cut texts into other tokens cannot be
    compared by it.

    Attributes:
        text: the text, a template with `{column}` for a row's value.
        prompt: what comes before the text and is not scored; empty for the beginning of a document.
    """

    text: str = "{text}"
    prompt: str = ""

    def _stated(self) -> dict[str, Any]:
        return {"text": self.text, "prompt": self.prompt}

    def _question(self, columns: Columns, row: Row) -> Question:
        text = columns.fill(self.text, "text", "text", row)
        if not text:
            raise BadInput(f"The task {self.name!r} has an empty text.", found=f"the row {short(row)}")
        prompt = columns.fill(self.prompt, "prompt", "prompt", row)
        return Question((Likelihood(prompt, (text,)),), expected="")

    def _scores(self, answered: Answered) -> Sequence[object]:
        return [_inverse_perplexity(answer) for _, (answer,) in answered]

    def _scored_by(self) -> str:
        return "1 / perplexity"


def _inverse_perplexity(answer: Any) -> float:
    (found,) = answer
    return math.exp(found.log_probability / found.tokens)
