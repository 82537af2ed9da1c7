"""What a model can be asked, and what it answers. Pure data, so that an answer can be kept, carried and compared.

Tasks make requests, engines answer them, scorers judge the answers; nothing else passes between the three.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """One turn of a chat.

    Attributes:
        role: system, user or assistant.
        content: its text.
    """

    role: str
    content: str


@dataclass(frozen=True)
class Chat:
    """A prompt made of turns; the model's own chat template makes one text of them.

    Attributes:
        messages: at least one.
    """

    messages: tuple[Message, ...]

    def __str__(self) -> str:
        return "\n".join(f"{message.role}: {message.content}" for message in self.messages)


Prompt = str | Chat


@dataclass(frozen=True)
class Generation:
    """Go on from a prompt. The answer is a text, without the prompt and without special tokens.

    Attributes:
        prompt: what to go on from.
        max_new_tokens: where to stop if the model does not.
        stop: texts before which the answer ends.
        draw: None for the most likely token each time; else the number of a random draw, which seeds it.
        temperature: of a random draw, above 0.
        top_p: of a random draw, in (0, 1]: the part of the probability that is drawn from.
    """

    prompt: Prompt
    max_new_tokens: int = 64
    stop: tuple[str, ...] = ()
    draw: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0


@dataclass(frozen=True)
class Likelihood:
    """How likely some texts are after a prompt. The answer is one `Continuation` for each, in their order.

    Attributes:
        prompt: what comes before; the empty text for the beginning of a document.
        continuations: at least one; each is text that follows the prompt directly, its leading space included.
    """

    prompt: Prompt
    continuations: tuple[str, ...]


@dataclass(frozen=True)
class Continuation:
    """How likely one text was.

    Attributes:
        log_probability: natural logarithm of the probability of all its tokens, given the prompt; at most 0.
        tokens: how many tokens it has.
        greedy: whether each of its tokens was the most likely one.
    """

    log_probability: float
    tokens: int
    greedy: bool


Request = Generation | Likelihood
Answer = str | tuple[Continuation, ...]


def digest(request: Request) -> str:
    """SHA-256 over everything that a request says: the same question has the same digest on every machine."""
    stated = {"kind": type(request).__name__, **asdict(request)}
    text = json.dumps(stated, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def to_json(answer: Answer) -> Any:
    """An answer as JSON holds it; `from_json(to_json(answer)) == answer`."""
    return answer if isinstance(answer, str) else [[item.log_probability, item.tokens, item.greedy] for item in answer]


def from_json(value: Any) -> Answer:
    """An answer as `to_json` wrote it.

    Raises:
        ValueError: it is no answer.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError("an answer is a text, or a list that is not empty")
    answer = []
    for item in value:
        if not isinstance(item, list) or [type(part) for part in item] not in ([float, int, bool], [int, int, bool]):
            raise ValueError("a continuation is its log-probability, its tokens, and whether it was greedy")
        answer.append(Continuation(float(item[0]), item[1], item[2]))
    return tuple(answer)
