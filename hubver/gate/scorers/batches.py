"""Scorers that take one example at a time, and those that take many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Scorer = Callable[[str, str], float]
BatchScorer = Callable[[Sequence[str], Sequence[str]], Iterable[float]]


@dataclass(frozen=True)
class Batched:
    """A scorer that is handed many predictions at once. Made by `batched`.

    Attributes:
        scorer: from predictions and what was expected to scores, in their order.
    """

    scorer: BatchScorer


def batched(scorer: BatchScorer) -> Batched:
    """Mark a callable as `([predictions], [expected]) -> [scores]`; usable as a decorator.

    What an example scores must not depend on the others in its batch: a gate may hand over any part of them.
    """
    return Batched(scorer)


def score_all(scorer: Scorer | Batched, predictions: Sequence[str], expected: Sequence[str]) -> list[object]:
    """What a scorer gives for each example, unchecked.

    Raises:
        ValueError: a batch scorer gave more or fewer scores than examples.
    """
    if not isinstance(scorer, Batched):
        return [scorer(one, other) for one, other in zip(predictions, expected, strict=True)]
    scores: list[object] = list(scorer.scorer(predictions, expected))
    if len(scores) != len(predictions):
        raise ValueError(f"{len(scores)} scores for {len(predictions)} predictions")
    return scores
