"""Compare the weights of two revisions: LoRA updates by their factors, everything else tensor by tensor."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from hubver.diff.weights import lora, tensors
from hubver.diff.weights.numbers import FLOATS, cosine, decoded, half, inner_product, measure
from hubver.diff.weights.reading import pieces, read, spread
from hubver.diff.weights.results import Module, Side, TensorCompared, Update, WeightsCompared

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.diff.weights.files import Opened, Stored
    from hubver.diff.weights.lora import Adapter, Pair
    from hubver.diff.weights.numbers import Array, Half


def compare(a: Opened, b: Opened, progress: Callable[[int, int], None]) -> WeightsCompared:
    """Compare two revisions' weights.

    Args:
        a: one.
        b: the other. Where its files are the same bytes, nothing of it is read.
        progress: told how many bytes of tensors have been read, and of how many.

    Raises:
        BadInput: a file is cut short.
        HubUnreachable, HubFailed: see `hubver.hub.parts`.
    """
    return _Comparison(a, b, progress).run()


def describe(opened: Opened, progress: Callable[[int, int], None]) -> WeightsCompared:
    """One revision's weights, as a comparison with itself."""
    return compare(opened, opened, progress)


class _Comparison:
    def __init__(self, a: Opened, b: Opened, progress: Callable[[int, int], None]) -> None:
        self.a, self.b = a, b
        self.identical = _identical(a, b)
        self.one, self.other = _adapter(a), _adapter(b)
        self.progress = progress
        self.done = 0
        self.found: dict[str, tuple[Module, float | None]] = {}

    def run(self) -> WeightsCompared:
        if self.a.kind != self.b.kind:
            words = {"adapter": "an adapter", "full": "a whole model"}
            apart = f"A is {words[self.a.kind]} and B {words[self.b.kind]}"
            return WeightsCompared(_side(self.a, self.one), _side(self.b, self.other), False, None, not_compared=apart)
        shared, lonely = tensors.plan(self.a, self.b, self.one.rest, self.other.rest)
        names = list(dict.fromkeys((*self.one.pairs, *self.other.pairs)))
        modules = list(pieces((name for name in names if self._comparable(name)), self._bytes))
        rest = [] if self.identical else shared
        self.total = sum(self._bytes(name) for piece in modules for name in piece) + sum(map(tensors.size, rest))
        spread(self._measure, modules, lambda piece: self._tell(sum(map(self._bytes, piece))))
        compared = tensors.compare(rest, self._tell) if rest else tensors.same(shared)
        return self._result(names, (*compared, *lonely))

    def _comparable(self, module: str) -> bool:
        return any(_is_float(opened, adapter.pairs.get(module)) for opened, adapter in self._sides())

    def _sides(self) -> tuple[tuple[Opened, Adapter], ...]:
        return ((self.a, self.one), (self.b, self.other))

    def _bytes(self, module: str) -> int:
        sides = self._sides()[:1] if self.identical else self._sides()
        stored = [item for opened, adapter in sides for item in _stored(opened, adapter.pairs.get(module))]
        return sum(item.end - item.start for item in stored)

    def _tell(self, size: int) -> None:
        self.done += size
        self.progress(self.done, self.total)

    def _measure(self, names: list[str]) -> None:
        """Read and measure some modules; called in threads, each for modules of its own."""
        one = _halves(self.a, self.one, names)
        other = one if self.identical else _halves(self.b, self.other, names)
        for name in names:
            pairs = self.one.pairs.get(name), self.other.pairs.get(name)
            left = _update(pairs[0], one.get(name))
            right = left if self.identical else _update(pairs[1], other.get(name))
            product = None
            if left is not None and right is not None and _fit(one[name], other[name]):
                product = inner_product(one[name], other[name])
            self.found[name] = (_module(pairs[0] or pairs[1], left, right, product), product)

    def _result(self, names: list[str], rest: tuple[TensorCompared, ...]) -> WeightsCompared:
        modules = tuple(self.found[name][0] for name in names if name in self.found)
        products = [product for _, product in self.found.values() if product is not None]
        norms = [_norm([getattr(module, side) for module in modules]) for side in "ab"]
        whole = cosine(math.fsum(products), norms[0] or 0.0, norms[1] or 0.0) if products else None
        return WeightsCompared(
            a=_side(self.a, self.one, [module.a for module in modules]),
            b=_side(self.b, self.other, [module.b for module in modules]),
            identical=self.identical,
            cosine=1.0 if self.identical and whole is not None else whole,
            modules=modules,
            tensors=rest,
            read=self.done,
        )


def _identical(a: Opened, b: Opened) -> bool:
    """Whether all files are the same bytes, by the digests of where they are; sizes are cheaper than digests."""
    sizes = [[file.size for file in opened.files] for opened in (a, b)]
    same = a is b or (sizes[0] == sizes[1] and a.digests == b.digests and "" not in a.digests)
    # The same factors are another update with another alpha.
    keys = ("lora_alpha", "alpha_pattern", "use_rslora")
    return same and all((a.config.get(key) or None) == (b.config.get(key) or None) for key in keys)


def _adapter(opened: Opened) -> Adapter:
    shapes = {name: tensor.shape for name, tensor in opened.tensors.items()}
    return lora.read(shapes, opened.config)


def _stored(opened: Opened, pair: Pair | None) -> list[Stored]:
    return [] if pair is None else [opened.tensors[pair.a], opened.tensors[pair.b]]


def _is_float(opened: Opened, pair: Pair | None) -> bool:
    return pair is not None and all(item.dtype in FLOATS for item in _stored(opened, pair))


def _halves(opened: Opened, adapter: Adapter, names: list[str]) -> dict[str, Half]:
    pairs = {name: adapter.pairs[name] for name in names if _is_float(opened, adapter.pairs.get(name))}
    data = read(item for pair in pairs.values() for item in _stored(opened, pair))

    def value(name: str) -> Array:
        tensor = opened.tensors[name]
        return decoded(data[name], tensor.dtype, tensor.shape)

    return {name: half(value(pair.a), value(pair.b), pair.scale) for name, pair in pairs.items()}


def _fit(one: Half, other: Half) -> bool:
    return bool(one.a.shape[1] == other.a.shape[1] and one.b.shape[0] == other.b.shape[0])


def _update(pair: Pair | None, factors: Half | None) -> Update | None:
    found = None if factors is None else measure(factors)
    return None if pair is None or found is None else Update(pair.rank, pair.alpha, found)


def _module(pair: Pair | None, one: Update | None, other: Update | None, product: float | None) -> Module:
    assert pair is not None, "a module is one side's or the other's"  # noqa: S101  # for the type checker
    between = None
    if product is not None and one is not None and other is not None:
        between = cosine(product, one.measured.norm, other.measured.norm)
    return Module(pair.module, pair.target, pair.layer, one, other, between)


def _norm(updates: list[Update | None]) -> float | None:
    known = [update.measured.norm for update in updates if update is not None]
    return math.hypot(*known) if known else None


def _side(opened: Opened, adapter: Adapter, updates: list[Update | None] | None = None) -> Side:
    pairs = tuple(adapter.pairs.values())
    known = [update for update in updates or () if update is not None]
    unread = [pair.module for pair in pairs if not _is_float(opened, pair)]
    notes = [f"the updates of {len(unread)} modules are in a form that is not read"] if unread else []
    if updates is not None and (broken := len(pairs) - len(unread) - len(known)):
        notes.append(f"the updates of {broken} module{'s' * (broken > 1)} hold NaN or infinity")
    return Side(
        kind=opened.kind,
        size=sum(file.size for file in opened.files),
        parameters=sum(math.prod(tensor.shape) for tensor in opened.tensors.values()),
        dtypes=tuple(sorted({tensor.dtype for tensor in opened.tensors.values()})),
        modules=len(pairs),
        ranks=tuple(sorted({pair.rank for pair in pairs})),
        alphas=tuple(sorted({pair.alpha for pair in pairs if pair.alpha is not None})),
        targets=tuple(sorted({pair.target for pair in pairs})),
        norm=_norm(list(known)),
        effective_rank=statistics.median(update.measured.effective_rank for update in known) if known else None,
        contradictions=adapter.contradictions,
        notes=(*adapter.notes, *notes),
    )
