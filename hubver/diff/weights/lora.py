"""Which tensors of an adapter belong together, and what its configuration says of them that the tensors do not. Pure.

Names and scaling as PEFT has them (peft 0.21, tuners/lora/layer.py): a module's update is `scale * B @ A`, where `scale` is
alpha / r, or alpha / sqrt(r) with `use_rslora` (Kalajdzievski 2023, arXiv:2312.03732).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# `...q_proj.lora_A.weight`, `...q_proj.lora_A.default.weight`, `...embed_tokens.lora_embedding_B`
_NAME = re.compile(r"(?P<module>.+)\.lora_(?P<table>embedding_)?(?P<side>[AB])(?:\.(?:[^.]+\.)?weight)?")
_TABLE = re.compile(r"(?P<module>.+)\.lora_embedding_(?P<side>[AB])(?:\.[^.]+)?")
_LAYER = re.compile(r"\.(\d+)\.")
_PREFIX = "base_model.model."
_SHOWN = 3
# A repeated group, and the repetitions of a pattern.
_SLOW, _REPEATS = re.compile(r"\)[*+{]"), re.compile(r"[*+{]")
_LONGEST_PATTERN, _MOST_REPEATS = 200, 3


@dataclass(frozen=True)
class Pair:
    """The two tensors of one module's update.

    Attributes:
        module: its name in the base model.
        target: the last part of it, such as `q_proj`.
        layer: the first number in it; None where there is none.
        a: the name of the tensor A, of shape (rank, in).
        b: the name of the tensor B, of shape (out, rank).
        rank: of the tensors.
        alpha: the configuration's; None where it has none.
        scale: by which `B @ A` is multiplied; 1 where alpha is not known.
    """

    module: str
    target: str
    layer: int | None
    a: str
    b: str
    rank: int
    alpha: float | None
    scale: float


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter, as its tensors say.

    Attributes:
        pairs: by module, in the order of the tensors.
        rest: names of the tensors that are no part of a pair.
        contradictions: where the configuration says something else, in sentences.
        notes: what the comparison leaves out or assumes, in sentences.
    """

    pairs: dict[str, Pair]
    rest: tuple[str, ...]
    contradictions: tuple[str, ...]
    notes: tuple[str, ...]


def read(shapes: Mapping[str, tuple[int, ...]], config: Mapping[str, Any]) -> Adapter:
    """Find the pairs.

    Args:
        shapes: of all tensors, by name.
        config: `adapter_config.json`, or what a record keeps of it; empty where it is not known.
    """
    sides: dict[str, dict[str, str]] = {}
    for name in shapes:
        match = _NAME.fullmatch(name) or _TABLE.fullmatch(name)
        if match is not None and len(shapes[name]) >= 2:
            sides.setdefault(_inner(match["module"]), {})[match["side"]] = name
    experts = _expert_modules(config)
    pairs, faults, apart = {}, [], []
    for module, found in sides.items():
        if len(found) < 2:
            faults.append(f"{module} has only one half of its update")
        elif module.removesuffix(".base_layer").endswith(experts):
            apart.append(module)
        elif shapes[found["A"]][0] != shapes[found["B"]][1]:
            one, other = shapes[found["A"]][0], shapes[found["B"]][1]
            faults.append(f"{module} has rank {one} in A and {other} in B")
        else:
            pairs[module] = _pair(module, found, shapes[found["A"]][0], config)
    paired = {name for pair in pairs.values() for name in (pair.a, pair.b)}
    return Adapter(
        pairs,
        tuple(name for name in shapes if name not in paired),
        (*faults, *_contradictions(pairs.values(), config)),
        tuple(_notes(config, pairs, apart)),
    )


def _inner(module: str) -> str:
    return module.removeprefix(_PREFIX)


def _expert_modules(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Modules whose tensors hold the updates of many experts at once (`target_parameters`), which is no `B @ A`."""
    named = config.get("target_parameters")
    if not isinstance(named, (list, tuple)):
        return ()
    return tuple(name.rpartition(".")[0] for name in named if isinstance(name, str) and "." in name)


def _pair(module: str, found: Mapping[str, str], rank: int, config: Mapping[str, Any]) -> Pair:
    layer = _LAYER.search(f".{module}.")
    alpha = _of_module(config, "alpha_pattern", module, config.get("lora_alpha"))
    known = isinstance(alpha, (int, float)) and not isinstance(alpha, bool) and rank > 0
    divisor = math.sqrt(rank) if config.get("use_rslora") else rank
    return Pair(
        module=module,
        target=module.rpartition(".")[2],
        layer=int(layer[1]) if layer else None,
        a=found["A"],
        b=found["B"],
        rank=rank,
        alpha=float(alpha) if known else None,
        scale=float(alpha) / divisor if known else 1.0,
    )


def _of_module(config: Mapping[str, Any], patterns: str, module: str, otherwise: Any) -> Any:
    """A setting of one module: the first pattern that its name ends in (peft.utils.other, `get_pattern_key`)."""
    table = config.get(patterns)
    for pattern, value in table.items() if isinstance(table, dict) else ():
        if _matches(pattern, module):
            return value
    return otherwise


def _matches(pattern: str, module: str) -> bool:
    """Patterns are a stranger's: one that could keep the engine busy for ever is taken to match nothing."""
    if len(pattern) > _LONGEST_PATTERN or _SLOW.search(pattern) or len(_REPEATS.findall(pattern)) > _MOST_REPEATS:
        return False
    try:
        return re.fullmatch(rf"(.*\.)?({pattern})", module) is not None
    except re.error:
        return False


def _contradictions(pairs: Iterable[Pair], config: Mapping[str, Any]) -> Iterator[str]:
    """Where the configuration and the tensors disagree. The tensors are what is applied."""
    every = tuple(pairs)
    wrong: Counter[tuple[Any, int]] = Counter()
    for pair in every:
        said = _of_module(config, "rank_pattern", pair.module, config.get("r"))
        if said is not None and said != pair.rank:
            wrong[said, pair.rank] += 1
    for (said, rank), count in wrong.items():
        yield f"adapter_config.json says r = {said}, the tensors have rank {rank} ({_modules(count)})"
    named = config.get("target_modules")
    if isinstance(named, (list, tuple)) and every:
        names = [name for name in named if isinstance(name, str)]
        unnamed = {pair.target for pair in every if not any(_ends(pair.module, name) for name in names)}
        if unnamed:
            yield f"adapter_config.json does not target {_listed(unnamed)}, which the tensors change"
        absent = {name for name in names if not any(_ends(pair.module, name) for pair in every)}
        if absent:
            yield f"adapter_config.json targets {_listed(absent)}, of which there are no tensors"


def _ends(module: str, name: str) -> bool:
    return module == name or module.endswith(f".{name}")


def _modules(count: int) -> str:
    return f"{count} module{'' if count == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def _notes(config: Mapping[str, Any], pairs: Mapping[str, Pair], apart: list[str]) -> Iterator[str]:
    if pairs and all(pair.alpha is None for pair in pairs.values()):
        yield "alpha is not known, so the norms are of B A without its scale"
    if config.get("use_dora"):
        yield "DoRA: the update before its normalisation; the magnitudes are compared as tensors"
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(("pissa", "olora", "corda", "loftq", "lora_ga")):
        yield f"{start} also changed the base when training began; the update is what the tensors hold"
    if apart:
        yield f"the updates of experts in {_listed(apart)} are compared as tensors"
    kind = config.get("peft_type")
    if kind is not None and kind != "LORA":
        yield f"{kind} is no LoRA: its tensors are compared one by one"
