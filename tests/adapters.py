"""Weights written to folders, without training: LoRA adapters of any shape, and whole models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX = "base_model.model.model.layers"


def factors(
    seed: int, *, rank: int = 4, layers: int = 2, wide: int = 24, high: int = 16, targets=("q_proj", "up_proj")
):
    """A and B of each module, by the names that PEFT gives them."""
    random = np.random.default_rng(seed)
    tensors = {}
    for layer in range(layers):
        for target in targets:
            name = f"{PREFIX}.{layer}.mlp.{target}"
            tensors[f"{name}.lora_A.weight"] = random.standard_normal((rank, wide), dtype=np.float32)
            tensors[f"{name}.lora_B.weight"] = random.standard_normal((high, rank), dtype=np.float32)
    return tensors


def write(folder: Path, tensors: Mapping[str, np.ndarray], *, dtype=np.float32, **config) -> Path:
    """An adapter's folder.

    Args:
        dtype: of the tensors; `BF16` for bfloat16, which numpy does not have.
        config: what `adapter_config.json` says beyond the usual.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "adapter_model.safetensors"
    if dtype == "BF16":
        path.write_bytes(bf16(tensors))
    else:
        save_file({name: np.ascontiguousarray(value.astype(dtype)) for name, value in tensors.items()}, path)
    ranks = {value.shape[0] for name, value in tensors.items() if ".lora_A." in name}
    usual = {
        "base_model_name_or_path": "acme/base",
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": min(ranks, default=0),
        "lora_alpha": 16,
        "target_modules": sorted({name.split(".lora_")[0].rpartition(".")[2] for name in tensors if ".lora_" in name}),
    }
    (folder / "adapter_config.json").write_text(json.dumps({**usual, **config}), encoding="utf-8")
    return folder


def write_whole(folder: Path, tensors: Mapping[str, np.ndarray], *, shards: int = 1) -> Path:
    """A whole model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    if shards == 1:
        save_file(dict(tensors), folder / "model.safetensors")
        return folder
    places = {name: f"model-{number % shards:05}.safetensors" for number, name in enumerate(tensors)}
    for place in set(places.values()):
        save_file({name: value for name, value in tensors.items() if places[name] == place}, folder / place)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    return folder


def bf16(tensors: Mapping[str, np.ndarray]) -> bytes:
    """A safetensors file of bfloat16, by the format's own words: the upper halves of float32, rounded to even."""
    header, buffer = {}, b""
    for name, value in tensors.items():
        bits = np.ascontiguousarray(value, dtype="<f4").view("<u4")
        upper = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(value.shape),
            "data_offsets": [len(buffer), len(buffer) + len(upper)],
        }
        buffer += upper
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + buffer
