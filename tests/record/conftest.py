from __future__ import annotations

import json
import struct
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from hubver.record import capture

if TYPE_CHECKING:
    from pathlib import Path


def safetensors(tensors: dict[str, tuple[int, ...]], *, fill: bytes = b"\1") -> bytes:
    """The bytes of a safetensors file of F32 tensors."""
    header, offset = {}, 0
    for name, shape in tensors.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + fill * offset


@pytest.fixture
def safetensors_bytes():
    return safetensors


LORA = {
    "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": (8, 16),
    "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight": (16, 8),
}
CONFIG = {
    "base_model_name_or_path": "acme/base",
    "revision": None,
    "peft_type": "LORA",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "a_proj"],
    "layers_to_transform": [2, 1],
}


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A folder as a script without any callback leaves it."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(safetensors(LORA))
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    return folder


@pytest.fixture
def complete(tmp_path, monkeypatch):
    """`capture.complete`, away from any repository, and with a base at one commit."""
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    def run(folder: Path, **changes) -> capture.Capture:
        arguments = {
            "repo_id": "acme/router",
            "version": "v1.0.0",
            "message": None,
            "resolve_base": lambda _id, _revision: "b" * 40,
            "now": datetime(2026, 1, 2, tzinfo=timezone.utc),
        }
        return capture.complete(folder, **(arguments | changes))

    return run
