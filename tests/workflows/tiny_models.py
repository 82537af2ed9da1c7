"""A base model, adapters on it, and examples that one of them answers as expected; written by a warm Python.

python tests/workflows/tiny_models.py FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from gate.conftest import Tiny

from hubver.gate.asking.requests import Generation
from hubver.gate.engine import Engine, ModelSource

SEEDS = {"good": 1, "old": 2, "bad": 3}
BASE = "acme/base"
_ROWS = 64
_TOKENS = 16


def write(folder):
    """Write `base`, an adapter for each name in SEEDS, and `examples.jsonl` with what the good one answers."""
    tiny = Tiny(folder)
    adapters = {name: tiny.adapter(name, seed=seed) for name, seed in SEEDS.items()}
    model = Engine().load(ModelSource("candidate", adapters["good"], tiny.base))
    prompts = [f"{number}: which queue?" for number in range(_ROWS)]
    answers = model.answer([Generation(prompt, _TOKENS) for prompt in prompts])
    rows = [{"prompt": prompt, "completion": answer} for prompt, answer in zip(prompts, answers, strict=True)]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for adapter in adapters.values():
        for file in tiny.base.glob("tokenizer*"):  # as trainers leave it
            shutil.copy(file, adapter)
        config = adapter / "adapter_config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "base_model_name_or_path": BASE}))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
