"""How likely continuations are: summed log-probabilities in float32, over the tokens lm-evaluation-harness would sum.

Two ways that decide alike. *Whole*: every prompt with its continuation in one pass, right for any causal model. *Shared*,
where attention is plain: a prompt, and what all its continuations begin with, once; then all that is left of them as one
tree (`trees`), in which each token is shown to those that go on from it and to no others. Where nothing is left (single
tokens, a single continuation) the one pass is all there is.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.gate.asking.requests import Continuation
from hubver.gate.engine.trees import Tree, trees

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubver.gate.asking.requests import Likelihood
    from hubver.gate.engine.batches import Batches
    from hubver.gate.engine.encoding import Encoder, Pair, Tokens

    # The summed log-probability, and whether every token was the most likely one.
    Found = tuple[float, bool]

# A position's logits count as one token for so many entries of the vocabulary: with them, a batch of 16,384 tokens has at
# most half a gigabyte of logits.
_LOGITS_A_TOKEN = 8192
# What a prompt's continuations may take, so counted, before they become several trees: a batch can be halved, a tree not.
_LARGEST_TREE = 1024


@dataclass(frozen=True)
class _Row:
    context: Tokens
    tree: Tree
    logits_width: float

    @property
    def width(self) -> int:
        return len(self.context) + self.tree.shown + int((1 + self.tree.shown) * self.logits_width)


def score(
    module: Any, encoder: Encoder, batches: Batches, requests: Sequence[Likelihood], *, share: bool
) -> dict[Likelihood, tuple[Continuation, ...]]:
    """The answers to some requests.

    Args:
        module: the model.
        encoder: its own.
        batches: its own.
        requests: each once.
        share: whether a prompt may serve several continuations; see `can_share`.

    Raises:
        BadInput: a continuation has no tokens or does not fit the model.
        HarnessFailed: memory is too small for a single prompt.
    """
    pairs = encoder.continuations(requests)
    rows = _rows(module, (pair for some in pairs for parts in some for pair in parts), share=share)
    answered = batches.run(rows, lambda batch: _shared(module, batch) if share else _whole(module, batch))
    found = {
        (row.context, tokens): answer
        for row, answers in answered
        for tokens, answer in zip(row.tree.continuations, answers, strict=True)
    }
    return {
        request: tuple(_continuation(parts, found) for parts in some)
        for request, some in zip(requests, pairs, strict=True)
    }


def can_share(module: Any) -> bool:
    """Whether a prompt's keys and values may serve a tree: attention is plain, and the model was seen to heed the mask.

    An architecture may take any mask and make something else of it, so a small tree is tried and compared.
    """
    import torch
    from transformers.cache_utils import DynamicCache, DynamicLayer

    inner = _inner(module)
    layers = DynamicCache(config=inner.config).layers
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return False
    if not {"logits_to_keep", "position_ids"} <= _options(module):
        return False
    some = ((1, 2, 3, 1), (1, 3, 2, 0), (1, 3, 1, 2), (2, 0, 1, 3))
    rows = [_Row(context, Tree.of(some), 0) for context in ((2, 1, 3), (3, 2, 1, 0, 2))]
    alone = [_Row(row.context, Tree.of([tokens]), 0) for row in rows for tokens in row.tree.continuations]
    try:
        with torch.inference_mode():
            together = [value for found in _shared(module, rows) for value, _ in found]
            apart = [value for found in _whole(module, alone) for value, _ in found]
    except Exception:  # noqa: BLE001 - whatever it trips over, it cannot be asked so
        return False
    tolerance = max(1e-4, 4 * torch.finfo(module.dtype).eps)
    return all(math.isclose(one, other, rel_tol=tolerance) for one, other in zip(together, apart, strict=True))


def _continuation(parts: Sequence[Pair], found: dict[Pair, Found]) -> Continuation:
    return Continuation(
        sum(found[part][0] for part in parts),
        sum(len(continuation) for _, continuation in parts),
        greedy=all(found[part][1] for part in parts),
    )


def _inner(module: Any) -> Any:
    return module.get_base_model() if hasattr(module, "get_base_model") else module


def _options(module: Any) -> set[str]:
    return set(inspect.signature(_inner(module).forward).parameters)


def _rows(module: Any, pairs: Iterable[Pair], *, share: bool) -> list[_Row]:
    """The longest first, in an order of their own."""
    by_context: dict[Tokens, list[Tokens]] = {}
    for context, continuation in pairs:
        by_context.setdefault(context, []).append(continuation)
    logits_width = module.config.get_text_config().vocab_size / _LOGITS_A_TOKEN
    largest = int(_LARGEST_TREE / (1 + logits_width)) if share else 0
    rows = [
        _Row(context, tree, logits_width)
        for context, continuations in by_context.items()
        for tree in trees(continuations, largest)
    ]
    return sorted(rows, key=lambda row: (-row.width, row.context, row.tree.continuations))


def _whole(module: Any, rows: list[_Row]) -> list[list[Found]]:
    """Trees of one continuation each, which is all trunk."""
    # Padded on the right, where no token can see it: this needs nothing of a model but that it is causal.
    ids = _padded([row.context + row.tree.trunk for row in rows], module.device)
    kept = ids.shape[1] - min(len(row.context) for row in rows) + 1
    keeps = {"logits_to_keep": kept} if "logits_to_keep" in _options(module) else {}
    logits = module(input_ids=ids, use_cache=False, **keeps).logits
    # Counted from the end, as prompt learning puts tokens of its own at the beginning.
    shift = logits.shape[1] - ids.shape[1] - 1
    found = []
    for row, own in zip(rows, logits, strict=True):
        start = len(row.context) + shift
        found.append(_judged(own[start : start + 1 + len(row.tree.trunk)].float(), row.tree))
    return found


def _shared(module: Any, rows: list[_Row]) -> list[list[Found]]:
    import torch

    stems = [row.context + row.tree.trunk for row in rows]
    mask = _padded([(1,) * len(stem) for stem in stems], module.device, left=True)
    output = module(
        input_ids=_padded(stems, module.device, left=True),
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1 + max(len(row.tree.trunk) for row in rows),
    )
    behind = _behind(module, [row.tree for row in rows], mask, output.past_key_values)
    found = []
    for at, row in enumerate(rows):
        logits = output.logits[at, -1 - len(row.tree.trunk) :]
        if row.tree.branches:
            logits = torch.cat([logits, behind[at][: len(row.tree.branches)]])
        found.append(_judged(logits.float(), row.tree))
    return found


def _behind(module: Any, grown: Sequence[Tree], mask: Any, cache: Any) -> Any:
    """The logits behind every token of the trees' branches, each tree going on from the same row of `mask` and `cache`."""
    import torch

    if not any(tree.branches for tree in grown):
        return []
    ids = _padded([tree.branches for tree in grown], module.device)
    ends = _padded([tree.ends for tree in grown], module.device)
    depths = _padded([tree.depths for tree in grown], module.device)
    places = torch.arange(ids.shape[1], device=module.device)
    # Row by row what a token sees: all of the stem, and those of its tree that it goes on from.
    own = (places <= places[:, None]) & (places[:, None] < ends[:, None, :])
    seen = torch.cat([mask[:, None, :].bool().expand(-1, len(places), -1), own], dim=-1)
    hidden = torch.zeros(seen.shape, dtype=module.dtype, device=module.device)
    return module(
        input_ids=ids,
        attention_mask=hidden.masked_fill(~seen, torch.finfo(module.dtype).min)[:, None],
        position_ids=mask.sum(-1, keepdim=True) + depths,
        past_key_values=cache,
        use_cache=True,
    ).logits


def _judged(logits: Any, tree: Tree) -> list[Found]:
    """What each of a tree's continuations comes to, by the logits behind the prompt, the trunk and the branches."""
    import torch

    told = list(tree.told())
    places = torch.tensor([place for some, _ in told for place in some], device=logits.device)
    tokens = torch.tensor([token for _, some in told for token in some], device=logits.device)
    chosen = (logits[places, tokens] - logits.logsumexp(-1)[places]).tolist()
    likeliest = (logits.argmax(-1)[places] == tokens).tolist()
    found, start = [], 0
    for _, some in told:
        own = slice(start, start := start + len(some))
        found.append((math.fsum(chosen[own]), all(likeliest[own])))
    return found


def _padded(rows: Sequence[Tokens], device: Any, *, left: bool = False) -> Any:
    import torch

    width = max(map(len, rows))
    filled = [(0,) * (width - len(row)) + row if left else row + (0,) * (width - len(row)) for row in rows]
    return torch.tensor(filled, device=device)
