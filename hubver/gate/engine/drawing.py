"""Random draws whose numbers depend on the request alone, so that they are the same in any batch and any order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hubver.gate.asking.requests import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Generation


class Draws:
    """Draws the next token of each row that wants it: a logits processor of transformers, under greedy decoding.

    Every row has one random number a step from Python's Mersenne Twister, seeded by the request's digest, which says the
    draw's number too. The number picks the token from the cumulated probabilities in the order of the vocabulary: an
    order that rounding cannot change.

    Args:
        requests: one for each row; those without a draw stay greedy.
        prompt_width: how many tokens stand before the first new one.
    """

    def __init__(self, requests: Sequence[Generation], prompt_width: int) -> None:
        self._start = prompt_width
        self._rows = [at for at, request in enumerate(requests) if request.draw is not None]
        self._requests = [requests[at] for at in self._rows]
        self._sources = [random.Random(digest(request)) for request in self._requests]  # noqa: S311 - no secret
        self._numbers: list[list[float]] = []

    @property
    def any(self) -> bool:
        """Whether any row is drawn."""
        return bool(self._rows)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The scores, with all but the drawn token ruled out in every row that is drawn."""
        import torch

        while len(self._numbers) <= input_ids.shape[1] - self._start:
            self._numbers.append([source.random() for source in self._sources])
        numbers = self._column(self._numbers[input_ids.shape[1] - self._start], scores)
        probabilities = self._probabilities(scores[self._rows].double())
        sums = probabilities.cumsum(-1)
        # Below the last sum, whatever rounding does, so that a token without probability is never drawn.
        below = torch.minimum(numbers * sums[:, -1:], torch.nextafter(sums[:, -1:], torch.zeros_like(numbers)))
        chosen = torch.searchsorted(sums, below, right=True)
        scores = scores.clone()
        scores[self._rows] = torch.full_like(scores[self._rows], -torch.inf).scatter(-1, chosen, 0.0)
        return scores

    def _probabilities(self, scores: Any) -> Any:
        """With temperature, and nothing outside the smallest set of tokens that has `top_p` of the probability."""
        temperatures = self._column([request.temperature for request in self._requests], scores)
        probabilities = (scores / temperatures).softmax(-1)
        if all(request.top_p == 1 for request in self._requests):
            return probabilities
        limits = self._column([request.top_p for request in self._requests], scores)
        falling, order = probabilities.sort(dim=-1, descending=True, stable=True)
        outside = (falling.cumsum(-1) - falling) >= limits
        return probabilities.masked_fill(outside.gather(-1, order.argsort(-1)), 0.0)

    def _column(self, values: Sequence[float], like: Any) -> Any:
        import torch

        return torch.tensor(values, dtype=torch.float64, device=like.device)[:, None]
