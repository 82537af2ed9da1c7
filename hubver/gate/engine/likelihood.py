"""How likely continuations are: summed log-probabilities in float32, over the tokens lm-evaluation-harness would sum.

Two ways that decide alike. *Whole*: every prompt with its continuation in one pass. *Shared*: a prompt once, its keys and
values handed to all its continuations; where those are single tokens, that one pass is all there is.
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
    options = _options(module)
    share = share and {"position_ids", "logits_to_keep"} <= options
    shared, whole = _units(module, (pair for some in pairs for parts in some for pair in parts), share=share)
    found: dict[Pair, Found] = {}
    for units, work in ((shared, _shared), (whole, _whole)):
        answered = batches.run(units, lambda batch, work=work: work(module, batch, options))  # type: ignore[misc]
        found.update(((row.context, row.continuation), answer) for row, answer in answered)
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


def _units(module: Any, pairs: Iterable[Pair], *, share: bool) -> tuple[list[list[_Row]], list[list[_Row]]]:
    """Rows to share a prompt, together; and rows that go alone. The longest first, in an order of their own."""
    by_context: dict[Tokens, dict[Tokens, None]] = {}
    for context, continuation in pairs:
        by_context.setdefault(context, {})[continuation] = None
    vocabulary = module.config.vocab_size
    shared, whole = [], []
    for context, continuations in by_context.items():
        rows = [
            _Row(context, item, len(item) * vocabulary // _LOGITS_A_TOKEN) for item in sorted(continuations, key=_order)
        ]
        if share and (len(rows) > 1 or len(rows[0].continuation) == 1):
            shared.append(rows)
        else:
            whole += [[row] for row in rows]
    for units in (shared, whole):
        units.sort(key=lambda rows: (-rows[0].width, rows[0].context, rows[0].continuation))
    return shared, whole


def _order(tokens: Tokens) -> tuple[int, Tokens]:
    return -len(tokens), tokens


def _whole(module: Any, rows: list[_Row], options: set[str]) -> list[Found]:
    import torch

    # Padded on the right, where no token can see it: this needs nothing of a model but that it is causal.
    ids = _padded([row.context + row.continuation[:-1] for row in rows], module.device)
    kept = ids.shape[1] - min(len(row.context) for row in rows) + 1
    keep = {"logits_to_keep": kept} if "logits_to_keep" in options else {}
    logits = module(input_ids=ids, use_cache=False, **keep).logits
    # Counted from the end, as prompt learning puts tokens of its own at the beginning.
    shift = logits.shape[1] - ids.shape[1] - 1
    found = []
    for row, own in zip(rows, logits, strict=True):
        start = len(row.context) + shift
        found.append(_judged(own[start : start + len(row.continuation)].float(), torch.tensor(row.continuation)))
    return found


def _shared(module: Any, rows: list[_Row], _options: set[str]) -> list[Found]:
    import torch

    contexts = {context: at for at, context in enumerate(dict.fromkeys(row.context for row in rows))}
    ids = _padded(list(contexts), module.device, left=True)
    mask = _mask(list(contexts), module.device, left=True)
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    output = module(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=True, logits_to_keep=1)
    first = output.logits[:, -1].float()
    longer = [row for row in rows if len(row.continuation) > 1]
    after = dict(zip(map(id, longer), _after(module, contexts, longer, mask, output.past_key_values), strict=True))
    found = []
    for row in rows:
        logits = first[contexts[row.context]][None]
        if id(row) in after:
            logits = torch.cat([logits, after[id(row)][: len(row.continuation) - 1].float()])
        found.append(_judged(logits, torch.tensor(row.continuation)))
    return found


def _after(module: Any, contexts: dict[Tokens, int], rows: list[_Row], mask: Any, cache: Any) -> Sequence[Any]:
    """The logits behind every token of the continuations but the last, with their prompts' keys and values."""
    import torch

    if not rows:
        return []
    which = torch.tensor([contexts[row.context] for row in rows], device=module.device)
    tails = [row.continuation[:-1] for row in rows]
    ids = _padded(tails, module.device)
    cache.batch_select_indices(which)
    starts = torch.tensor([[len(row.context)] for row in rows], device=module.device)
    logits: Sequence[Any] = module(
        input_ids=ids,
        attention_mask=torch.cat([mask[which], _mask(tails, module.device)], dim=1),
        position_ids=starts + torch.arange(ids.shape[1], device=module.device),
        past_key_values=cache,
        use_cache=True,
    ).logits
    return logits


def _judged(logits: Any, tokens: Any) -> Found:
    tokens = tokens.to(logits.device)
    chosen = logits.log_softmax(-1).gather(-1, tokens[:, None])
    return float(chosen.sum()), bool((logits.argmax(-1) == tokens).all())


def _padded(rows: Sequence[Tokens], device: Any, *, left: bool = False) -> Any:
    import torch

    width = max(map(len, rows))
    filled = [(0,) * (width - len(row)) + row if left else row + (0,) * (width - len(row)) for row in rows]
    return torch.tensor(filled, device=device)


def _mask(rows: Sequence[Tokens], device: Any, *, left: bool = False) -> Any:
    return _padded([(1,) * len(row) for row in rows], device, left=left)
