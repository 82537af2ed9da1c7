"""Examples: what a task comes to, whoever made it. The session asks, a model answers, and the task scores."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hubver.errors import HubverError
from hubver.gate.running.public import said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hubver.gate.asking.requests import Answer, Request
    from hubver.settings import Settings

    Answers = Mapping[str, tuple[Answer, ...]]


class BadScore(ValueError):
    """A scorer raised, or gave something that is no number in [0, 1]; the message names it."""


@dataclass(frozen=True)
class Examples:
    """The examples of a task, by id. An id is made of the example's content, so that it means the same on every machine.

    Attributes:
        task: the task's name.
        requests: what the model is asked about each example, at least one request each.
        judge: from the answers to each example's requests, in their order, to a score in [0, 1] for each example. What an
            example scores must not depend on the others that are judged with it.
        digest: SHA-256 over everything that a score depends on beside the model: two tasks with the same digest ask and
            score the same, whatever they are called and however their rows are ordered.
        expected: what should be answered, for people who read a report; may be empty.
        slices: the slice of each example; empty where the task names none.
        scorer: the scorer's name, for people.
    """

    task: str
    requests: Mapping[str, tuple[Request, ...]]
    judge: Callable[[Answers], Mapping[str, object]] = field(compare=False, repr=False)
    digest: str
    expected: Mapping[str, str] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    scorer: str = "the scorer"

    def scores(self, answers: Answers) -> dict[str, float]:
        """The score of each example that was answered.

        Raises:
            HubverError: the task itself cannot be scored.
            BadScore: the scorer raised, left an example out, or gave NaN, None or anything outside [0, 1].
        """
        try:
            found = self.judge(answers)
        except HubverError:
            raise  # what was to be scored is wrong, or a harness broke: this is no answer of the model's
        except Exception as error:
            raise BadScore(f"{self.scorer} raised {said(error)}") from error
        if missing := answers.keys() - found.keys():
            raise BadScore(f"{self.scorer} gave no score for {len(missing)} of {len(answers)} examples")
        return {name: self._checked(found[name]) for name in answers}

    def _checked(self, value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]  # whatever a scorer gave
        except (TypeError, ValueError):
            raise BadScore(f"{self.scorer} gave {value!r}, which is no number") from None
        if isinstance(value, str) or not math.isfinite(number) or not 0.0 <= number <= 1.0:
            raise BadScore(f"{self.scorer} gave {value!r}, which is no number in [0, 1]")
        return number


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value, the same whatever order its keys are in.

    Raises:
        TypeError: it is no JSON value.
        ValueError: a number in it is not finite.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class AnyTask(Protocol):
    """What a gate can be asked about: our own tasks, those of a harness, and whatever else comes to examples."""

    @property
    def name(self) -> str:
        """For people and reports; unique in a gates folder."""

    def load(self, folder: Path, settings: Settings) -> Examples:
        """Read the examples.

        Args:
            folder: the folder of the gates file, which relative paths start from.
            settings: the Hub's address and token, for what lies there.

        Raises:
            HubverError: they cannot be read.
        """
