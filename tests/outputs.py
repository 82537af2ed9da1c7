"""Output folders as a trainer leaves them, written without training: real files, in milliseconds."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path

    from hubver.localhub import LocalHub


def write_adapter(folder: Path, *, seed: int = 0, base: str = "acme/base", megabytes: float = 0.0) -> Path:
    """A LoRA adapter with its tokenizer, and the pickle that every trainer leaves beside it.

    Args:
        seed: other seeds give other weights.
        megabytes: roughly how large the weights are; a few KB if 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    width = max(16, int(megabytes * 1e6 / 4 / 8 / 2))
    tensors = {
        f"base_model.model.model.layers.0.self_attn.{name}.weight": random.standard_normal(shape, dtype=np.float32)
        for name, shape in {"q_proj.lora_A": (8, width), "q_proj.lora_B": (width, 8)}.items()
    }
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "base_model_name_or_path": base,
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["v_proj", "q_proj"],
        "revision": None,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}', encoding="utf-8")
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "BPE"}}', encoding="utf-8")
    (folder / "training_args.bin").write_bytes(pickle.dumps({"hub_token": "hf_aTokenThatMustNeverTravel0123456789"}))
    return folder


@pytest.fixture
def output(tmp_path: Path, local_hub: LocalHub) -> Path:
    """An output folder whose base model, `acme/base`, is on the embedded Hub."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    api.create_repo("acme/base")
    api.upload_file(path_or_fileobj=b'{"model_type": "llama"}', path_in_repo="config.json", repo_id="acme/base")
    return write_adapter(tmp_path / "out")
