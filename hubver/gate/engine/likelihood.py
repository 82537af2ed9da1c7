"""How likely continuations are: summed log-probabilities in float32, over the tokens lm-evaluation-harness would sum.

Two ways that decide alike. *Whole*: every prompt with its continuation in one pass, right for any causal model. *Shared*,
where attention is plain: a prompt, and what all its continuations begin with, once; its keys and values are then handed
to what is left of each. Where that is nothing (single tokens, a single continuation) the one pass is all there is.
Measured on one core, 15 choices of 12 tokens with 4 in common: 2 times as fast as whole for half a million parameters, 4 for
100 million.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.gate.requests import Continuation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubver.gate.engine.batches import Batches
    from hubver.gate.engine.encoding import Encoder, Pair, Tokens
    from hubver.gate.requests import Likelihood

    # The summed log-probability, and whether every token was the most likely one.
    Found = tuple[float, bool]

# A position's logits count as one token for so many entries of the vocabulary: with them, a batch of 16,384 tokens has at
# most half a gigabyte of logits.
_LOGITS_A_TOKEN = 8192


@dataclass(frozen=True)
class _Row:
    context: Tokens
    continuation: Tokens
    logits: int

    @property
    def width(self) -> int:
        return len(self.context) + len(self.continuation) + self.logits


def score(
    module: Any, encoder: Encoder, batches: Batches, requests: Sequence[Likelihood], *, share: bool
) -> dict[Likelihood, tuple[Continuation, ...]]:
    """The answers to some requests.

    Args:
        module: the model.
        encoder: its own.
        batches: its own.
        requests: each once.
        share: whether keys and values of a prompt may be handed to several continuations.

    Raises:
        BadInput: a continuation has no tokens or does not fit the model.
        HarnessFailed: memory is too small for a single continuation.
    """
    pairs = encoder.continuations(requests)
    units = _units(module, (pair for some in pairs for parts in some for pair in parts))
    keeps = "logits_to_keep" in _options(module)

    def work(rows: list[_Row]) -> list[Found]:
        return _shared(module, rows) if shared else _whole(module, rows, keeps=keeps)

    shared = share and keeps and "position_ids" in _options(module)
    answered = batches.run(units if shared else ([row] for unit in units for row in unit), work)
    found = {(row.context, row.continuation): answer for row, answer in answered}
    return {
        request: tuple(_continuation(parts, found) for parts in some)
        for request, some in zip(requests, pairs, strict=True)
    }


def _continuation(parts: Sequence[Pair], found: dict[Pair, Found]) -> Continuation:
    return Continuation(
        sum(found[part][0] for part in parts),
        sum(len(continuation) for _, continuation in parts),
        greedy=all(found[part][1] for part in parts),
    )


def _options(module: Any) -> set[str]:
    inner = module.get_base_model() if hasattr(module, "get_base_model") else module
    return set(inspect.signature(inner.forward).parameters)


def _units(module: Any, pairs: Iterable[Pair]) -> list[list[_Row]]:
    """Rows of one prompt together; the longest first, in an order of their own."""
    by_context: dict[Tokens, dict[Tokens, None]] = {}
    for context, continuation in pairs:
        by_context.setdefault(context, {})[continuation] = None
    vocabulary = module.config.get_text_config().vocab_size
    units = []
    for context, continuations in by_context.items():
        longest_first = sorted(continuations, key=lambda tokens: (-len(tokens), tokens))
        units.append([_Row(context, tokens, len(tokens) * vocabulary // _LOGITS_A_TOKEN) for tokens in longest_first])
    return sorted(units, key=lambda unit: (-unit[0].width, unit[0].context, unit[0].continuation))


def _whole(module: Any, rows: list[_Row], *, keeps: bool) -> list[Found]:

    # Padded on the right, where no token can see it: this needs nothing of a model but that it is causal.
    ids = _padded([row.context + row.continuation[:-1] for row in rows], module.device)
    kept = ids.shape[1] - min(len(row.context) for row in rows) + 1
    logits = module(input_ids=ids, use_cache=False, **({"logits_to_keep": kept} if keeps else {})).logits
    # Counted from the end, as prompt learning puts tokens of its own at the beginning.
    shift = logits.shape[1] - ids.shape[1] - 1
    found = []
    for row, own in zip(rows, logits, strict=True):
        start = len(row.context) + shift
        found.append(_judged(own[start : start + len(row.continuation)].float(), row.continuation))
    return found


def _shared(module: Any, rows: list[_Row]) -> list[Found]:
    import torch

    trunks = _trunks(rows)
    order = {context: at for at, context in enumerate(trunks)}
    stems = [context + common for context, common in trunks.items()]
    mask = _padded([(1,) * len(stem) for stem in stems], module.device, left=True)
    output = module(
        input_ids=_padded(stems, module.device, left=True),
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1 + max(map(len, trunks.values())),
    )
    tails = [row.continuation[len(trunks[row.context]) : -1] for row in rows]
    longer = [at for at, tail in enumerate(tails) if tail]
    which = [order[rows[at].context] for at in longer]
    behind = _behind(module, [tails[at] for at in longer], which, mask, output.past_key_values)
    branches = dict(zip(longer, behind, strict=True))
    found = []
    for at, row in enumerate(rows):
        logits = output.logits[order[row.context], -1 - len(trunks[row.context]) :]
        if at in branches:
            logits = torch.cat([logits, branches[at][: len(tails[at])]])
        found.append(_judged(logits.float(), row.continuation))
    return found


def _trunks(rows: Sequence[_Row]) -> dict[Tokens, Tokens]:
    """What all of a prompt's continuations begin with, their last tokens apart: it is computed once, with the prompt.

    Of a single continuation that is all there is to compute.
    """
    by_context: dict[Tokens, list[Tokens]] = {}
    for row in rows:
        by_context.setdefault(row.context, []).append(row.continuation[:-1])
    return {context: _common(some) for context, some in by_context.items()}


def _common(rows: Sequence[Tokens]) -> Tokens:
    # What the first and the last in order share, all between them share too.
    first, last = min(rows), max(rows)
    return first[: next((at for at, token in enumerate(first) if last[at] != token), len(first))]


def _behind(module: Any, tails: Sequence[Tokens], which: Sequence[int], mask: Any, cache: Any) -> Sequence[Any]:
    """The logits behind every token of some tails, each with the keys and values of the row of `mask` it goes on from."""
    import torch

    if not tails:
        return []
    ids = _padded(tails, module.device)
    chosen = torch.tensor(which, device=module.device)
    cache.batch_select_indices(chosen)
    before = mask[chosen]
    logits: Sequence[Any] = module(
        input_ids=ids,
        attention_mask=torch.cat([before, _padded([(1,) * len(tail) for tail in tails], module.device)], dim=1),
        position_ids=before.sum(-1, keepdim=True) + torch.arange(ids.shape[1], device=module.device),
        past_key_values=cache,
        use_cache=True,
    ).logits
    return logits


def _judged(logits: Any, tokens: Tokens) -> Found:
    import torch

    told = torch.tensor(tokens, device=logits.device)
    chosen = logits.log_softmax(-1).gather(-1, told[:, None])
    return float(chosen.sum()), bool((logits.argmax(-1) == told).all())


def _padded(rows: Sequence[Tokens], device: Any, *, left: bool = False) -> Any:
    import torch

    width = max(map(len, rows))
    filled = [(0,) * (width - len(row)) + row if left else row + (0,) * (width - len(row)) for row in rows]
    return torch.tensor(filled, device=device)
