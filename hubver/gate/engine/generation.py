"""Texts that go on from a prompt: greedy, or drawn at random, until they end or one of the stop texts appears.

Batches are padded on the left and go through transformers' own `generate`, so that every architecture's cache and
positions are its own business; stop texts and random draws are what is added here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate.engine.drawing import Draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Generation
    from hubver.gate.engine.batches import Batches
    from hubver.gate.engine.encoding import Encoder


@dataclass(frozen=True)
class Generated:
    """An answer.

    Attributes:
        text: without the prompt, special tokens, and everything from the first stop text on.
        tokens: how many the model made, the one that ended it included.
    """

    text: str
    tokens: int


@dataclass(frozen=True)
class _Row:
    request: Generation
    ids: list[int]

    @property
    def width(self) -> int:
        return len(self.ids) + self.request.max_new_tokens


def generate(
    module: Any, encoder: Encoder, batches: Batches, requests: Sequence[Generation]
) -> dict[Generation, Generated]:
    """The answers to some requests.

    Raises:
        BadInput: a request has no tokens, does not fit the model, or asks for no tokens or impossible draws.
        HarnessFailed: memory is too small for a single request.
    """
    for request in requests:
        _check(request)
    found: dict[Generation, Generated] = {}
    by_length = sorted(requests, key=lambda request: -request.max_new_tokens)
    for new_tokens, same in groupby(by_length, key=lambda request: request.max_new_tokens):
        some = list(same)
        ids = encoder.prompts([request.prompt for request in some], room=new_tokens)
        # By length, so that little is padded; by all else too, so that batches do not depend on the caller's order.
        rows = sorted(map(_Row, some, ids), key=lambda row: (-len(row.ids), row.ids, repr(row.request)))
        answered = batches.run(rows, lambda batch: _batch(module, encoder, batch))
        found.update((row.request, answer) for row, answer in answered)
    return found


def _check(request: Generation) -> None:
    if request.max_new_tokens < 1:
        raise BadInput(f"A request asks for {request.max_new_tokens} new tokens.", expected="at least 1")
    if request.draw is not None and not (request.temperature > 0 and 0 < request.top_p <= 1):
        raise BadInput(
            f"A random draw at temperature {request.temperature:g} and top_p {request.top_p:g} is impossible.",
            expected="a temperature above 0 and a top_p in (0, 1]",
        )


def _batch(module: Any, encoder: Encoder, rows: list[_Row]) -> list[Generated]:
    import torch
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

    tokenizer = encoder.tokenizer
    requests, width = [row.request for row in rows], max(len(row.ids) for row in rows)
    ends = _end_tokens(module, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(ends), 0)
    ids = torch.tensor([[pad] * (width - len(row.ids)) + row.ids for row in rows], device=module.device)
    mask = torch.tensor([[0] * (width - len(row.ids)) + [1] * len(row.ids) for row in rows], device=module.device)
    stops = _Stops(tokenizer, requests, width)
    draws = Draws(requests, width)
    output = module.generate(
        input_ids=ids,
        attention_mask=mask,
        generation_config=GenerationConfig(
            do_sample=False, max_new_tokens=requests[0].max_new_tokens, pad_token_id=pad, eos_token_id=ends or None
        ),
        logits_processor=LogitsProcessorList([draws] if draws.any else []),
        stopping_criteria=StoppingCriteriaList([stops] if stops.any else []),
    )
    last_text = "" if tokenizer.eos_token_id is None else str(tokenizer.decode([tokenizer.eos_token_id]))
    found = []
    for request, tokens, stopped in zip(requests, output[:, width:].tolist(), stops.lengths, strict=True):
        ended = next((at for at, token in enumerate(tokens, start=1) if token in ends), len(tokens))
        made = tokens[: ended if stopped is None else min(ended, stopped)]
        text = tokenizer.decode(made, skip_special_tokens=True)
        # One after another and the end's own text last, as lm-evaluation-harness cuts them. In its larger batches a row
        # goes on while others do, and stop texts that overlap may cut elsewhere; here it is always as in a batch of one.
        for stop in (*request.stop, last_text):
            text = text.split(stop)[0] if stop else text
        found.append(Generated(text, len(made)))
    return found


class _Stops:
    """Ends a row as soon as one of its stop texts is in it: a stopping criterion of transformers.

    Attributes:
        lengths: after how many new tokens each row was ended; None for those that were not.
    """

    def __init__(self, tokenizer: Any, requests: Sequence[Generation], prompt_width: int) -> None:
        self.lengths: list[int | None] = [None] * len(requests)
        self._tokenizer = tokenizer
        self._start = prompt_width
        self._stops = [tuple(filter(None, request.stop)) for request in requests]
        # A token is at least a byte, so that this many hold any stop text that the newest one completes, and the
        # space that decoders drop at the beginning falls on a token before it.
        self._look_back = 2 + max((len(stop.encode()) for stops in self._stops for stop in stops), default=0)

    @property
    def any(self) -> bool:
        """Whether any row has a stop text."""
        return any(self._stops)

    def __call__(self, input_ids: Any, _scores: Any, **_: Any) -> Any:
        import torch

        made = input_ids[:, self._start :]
        open_rows = [at for at, stops in enumerate(self._stops) if stops and self.lengths[at] is None]
        if open_rows:
            newest = self._texts(made[open_rows, -self._look_back :])
            near = [at for at, text in zip(open_rows, newest, strict=True) if self._has_stop(at, text)]
            # Looked at from its middle a text may read otherwise; what ends a row is in the whole of it.
            for at in near:
                if self._has_stop(at, self._texts(made[at : at + 1])[0]):
                    self.lengths[at] = made.shape[1]
        return torch.tensor([length is not None for length in self.lengths], device=input_ids.device)

    def _has_stop(self, row: int, text: str) -> bool:
        return any(stop in text for stop in self._stops[row])

    def _texts(self, tokens: Any) -> list[str]:
        texts: list[str] = self._tokenizer.batch_decode(tokens.tolist(), skip_special_tokens=True)
        return texts


def _end_tokens(module: Any, tokenizer: Any) -> list[int]:
    ends = module.generation_config.eos_token_id
    found = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    return sorted(token for token in found if token is not None)
