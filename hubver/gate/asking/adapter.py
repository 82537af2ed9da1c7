"""Checks of an adapter's files: peft passes over much that would make a gate judge something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubver.errors import HarnessFailed, Unsafe

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# What the input embeddings are called in the architectures of transformers.
_EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "embed_in", "token_embedding")


def check_weights(name: str, folder: Path) -> None:
    """Refuse an adapter without weights, or with pickled ones: unpickling runs whatever code is in it.

    Raises:
        Unsafe: only a pickle is there.
        HarnessFailed: there are no weights.
    """
    if (folder / WEIGHTS).is_file():
        return
    if (folder / "adapter_model.bin").is_file():
        raise Unsafe(f"The adapter {name} is a pickle.", expected=WEIGHTS)
    raise HarnessFailed(f"The adapter {name} has no weights.", expected=WEIGHTS)


def leaves_base_alone(folder: Path) -> bool:
    """Whether the adapter can sit beside others on one base: some kinds write into the base's own weights."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return (
        config.get("peft_type") == "LORA"
        and config.get("bias", "none") == "none"
        and isinstance(config.get("init_lora_weights", True), bool)  # "pissa" and its kin subtract from the base
        and not config.get("layer_replication")
        and all("lora_" in tensor for tensor in _stored_names(folder))
    )


def _stored_names(folder: Path) -> set[str]:
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return set(file.keys())


def trains_embeddings(folder: Path) -> bool:
    """Whether the adapter holds weights for the tokens themselves, so that new ones may have a meaning."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return bool(config.get("trainable_token_indices")) or any(
        part in tensor for tensor in _stored_names(folder) for part in _EMBEDDINGS
    )


def check_all_applied(name: str, folder: Path, network: Any, *, on_network: str) -> None:
    """Refuse an adapter of which a part was dropped: peft only warns, and the gate would judge something else.

    Args:
        name: whose adapter it is, for people.
        folder: its files.
        network: the `PeftModel` that it was loaded into.
        on_network: its name there.

    Raises:
        HarnessFailed: a tensor fits nothing in the base model, or one that it needs is missing.
    """
    from peft import get_peft_model_state_dict

    stored = _stored_names(folder)
    applied = set(get_peft_model_state_dict(network, adapter_name=on_network, save_embedding_layers=False))
    dropped = sorted(tensor for tensor in stored - applied if "lora_" in tensor)
    if dropped or (missing := sorted(applied - stored)):
        what = (
            f"{len(dropped)} tensors fit nothing in the base model"
            if dropped
            else f"{len(missing)} tensors are missing"
        )
        raise HarnessFailed(
            f"The adapter {name} was not applied as a whole: {what}, such as {(dropped or missing)[0]}.",
            hint="Was it trained on another base model?",
        )
