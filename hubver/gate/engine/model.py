"""A model that can answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.asking.quiet import library
from hubver.gate.asking.requests import Generation, Likelihood
from hubver.gate.engine import placement
from hubver.gate.engine.generation import generate
from hubver.gate.engine.likelihood import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Answer, Request
    from hubver.gate.engine.batches import Batches, Budget
    from hubver.gate.engine.encoding import Encoder
    from hubver.gate.engine.network import Network
    from hubver.gate.engine.source import ModelSource


@dataclass(frozen=True)
class Pace:
    """How fast a model has answered so far, in whatever batches its requests came.

    Attributes:
        requests: answered.
        generated: tokens, those that end an answer included.
        seconds: for all of them together, tokenisation included.
    """

    requests: int = 0
    generated: int = 0
    seconds: float = 0.0

    @property
    def seconds_per_request(self) -> float | None:
        """None where nothing was asked."""
        return self.seconds / self.requests if self.requests else None

    @property
    def tokens_per_second(self) -> float | None:
        """Of generated tokens; None where none were."""
        return self.generated / self.seconds if self.generated else None


class LoadedModel:
    """A model that can answer. Made by `Engine.load`.

    Attributes:
        source: where it came from.
        network: the base in memory, maybe shared with other models.
        encoder: makes tokens of its prompts.
        shares_base: whether the network without an adapter is the untouched base model.
        pace: how fast it has answered.
    """

    def __init__(
        self,
        source: ModelSource,
        network: Network,
        worn: str | None,
        encoder: Encoder,
        batches: Batches,
        *,
        shares_base: bool,
    ) -> None:
        self.source = source
        self.network = network
        self.encoder = encoder
        self.shares_base = shares_base
        self.pace = Pace()
        self._worn = worn
        self._batches = batches

    @property
    def threads(self) -> int:
        """How many threads it runs on."""
        return placement.threads_for(self.network.module)

    @property
    def budget(self) -> Budget:
        """What its next batch may hold."""
        return self._batches.budget

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to some requests, in their order; each is asked once, however often it occurs.

        What is guaranteed: an answer is the one that the request gets alone, whatever is asked with it and in whatever
        order, but for the rounding of sums (about 1e-6 of a logit in float32) that depends on how wide a batch is. So a
        greedy text changes only where two tokens are as good as tied, and a draw only where its random number falls on
        the border between two tokens. The same requests, asked in the same call on the same machine, are answered the
        same to the bit.

        Raises:
            BadInput: a request has no tokens, does not fit the model, or says something impossible.
            HarnessFailed: the model broke, or memory is too small for a single request.
        """
        with library(f"asking {self.source.name}"), placement.threads(self.threads):
            import torch

            began = time.monotonic()
            asked = dict.fromkeys(requests)
            texts = [request for request in asked if isinstance(request, Generation)]
            likely = [request for request in asked if isinstance(request, Likelihood)]
            with self.network.wearing(self._worn) as module, torch.inference_mode():
                generated = generate(module, self.encoder, self._batches, texts)
                scored = score(module, self.encoder, self._batches, likely, share=self._can_share())
            tokens = sum(answer.tokens for answer in generated.values())
            self.pace = Pace(
                self.pace.requests + len(asked),
                self.pace.generated + tokens,
                self.pace.seconds + time.monotonic() - began,
            )
        answers: dict[Request, Answer] = {request: answer.text for request, answer in generated.items()}
        answers.update(scored.items())
        return [answers[request] for request in requests]

    def _can_share(self) -> bool:
        return self.shares_base and self.network.shares_prompts
