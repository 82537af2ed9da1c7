"""The weights part: what the headers of the safetensors files say, whatever the files are called."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from hubver.record.folder.safetensors_header import read_header
from hubver.record.schema import Gap, Lora, Tensor, Weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.record.schema import WeightsKind

# `...layers.0.self_attn.q_proj.lora_A.weight`, `...embed_tokens.lora_embedding_A` (peft, lora layers).
_LORA_A = re.compile(r"(?:.*\.)?(?P<target>[^.]+)\.lora_(?:embedding_)?A(?:\.[^.]+)*")

# A tensor takes about 200 bytes of the record, which has 8 MiB; mixtures of experts have tens of thousands.
_LISTED = 10_000


def summarise(kind: WeightsKind, files: Mapping[str, Path], adapter_config: Mapping[str, Any] | None) -> Weights:
    """Read the headers. More than 10,000 tensors are counted and not listed.

    Args:
        kind: an adapter or a whole model.
        files: the safetensors files, by path in the repo.
        adapter_config: PEFT's configuration, for `alpha`.

    Raises:
        BadInput: a file is not whole.
    """
    tensors = tuple(
        Tensor(name=name, file=path, dtype=header.dtype, shape=header.shape)
        for path, file in sorted(files.items())
        for name, header in sorted(read_header(file).items())
    )
    return Weights(
        kind=kind,
        parameters=sum(math.prod(tensor.shape) for tensor in tensors),
        tensors=tensors if len(tensors) <= _LISTED else (),
        tensor_count=len(tensors),
        lora=_lora(tensors, adapter_config or {}),
    )


def unlisted(weights: Weights) -> list[Gap]:
    """The gap of weights that are too many to be listed."""
    if weights.tensors or not weights.tensor_count:
        return []
    reason = f"{weights.tensor_count:,} tensors are too many to list; the headers of the published files have them all"
    return [Gap(field="weights.tensors", reason=reason)]


def _lora(tensors: tuple[Tensor, ...], adapter_config: Mapping[str, Any]) -> Lora | None:
    found = [(match["target"], tensor) for tensor in tensors if (match := _LORA_A.fullmatch(tensor.name))]
    if not found:
        return None
    alpha = adapter_config.get("lora_alpha")
    return Lora(
        ranks=tuple(sorted({tensor.shape[0] for _, tensor in found if tensor.shape})),
        alpha=alpha if isinstance(alpha, int | float) else None,
        targets=tuple(sorted({target for target, _ in found})),
    )
