"""Distance is measured by what training changed, so that two runs that learned other things are far apart."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from hubver.diff.weights.files import open_folder
from hubver.reproduce.closeness import distance

RANDOM = np.random.default_rng(0)
LORA = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


def saved(folder, tensors, *, adapter=False):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: np.asarray(value, dtype="float32") for name, value in tensors.items()}
    if adapter:
        config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(tensors, folder / ("adapter_model.safetensors" if adapter else "model.safetensors"))
    return open_folder(folder)


def adapter(folder, a, b):
    return saved(folder, {f"{LORA}A.weight": a, f"{LORA}B.weight": b}, adapter=True)


A, B = RANDOM.normal(size=(4, 16)), RANDOM.normal(size=(16, 4))
BASE = RANDOM.normal(size=(16, 16))
STEP = RANDOM.normal(size=(16, 16)) * 1e-3


def test_the_same_update_by_other_factors_is_no_distance(tmp_path):
    found = distance(adapter(tmp_path / "a", A, B), adapter(tmp_path / "b", 2 * A, B / 2), None)
    assert found.error == pytest.approx(0, abs=1e-3)
    assert found.cosine == pytest.approx(1)


@pytest.mark.parametrize(("factor", "error"), [(1.1, 0.1), (2.0, 1.0), (-1.0, 2.0)])
def test_an_adapter_s_error_is_relative_to_its_update(tmp_path, factor, error):
    found = distance(adapter(tmp_path / "a", A, B), adapter(tmp_path / "b", A, factor * B), None)
    assert found.error == pytest.approx(error, rel=1e-3)
    assert found.differing == ("model.layers.0.self_attn.q_proj",)


def test_adapters_that_share_only_their_beginning_are_far_apart(tmp_path):
    other = RANDOM.normal(size=B.shape)
    assert distance(adapter(tmp_path / "a", A, B), adapter(tmp_path / "b", A, other), None).error > 0.5


def test_a_whole_model_s_error_is_relative_to_how_far_it_went(tmp_path):
    base = saved(tmp_path / "base", {"w": BASE})
    recorded = saved(tmp_path / "a", {"w": BASE + STEP})
    near = saved(tmp_path / "b", {"w": BASE + STEP * 1.01})
    far = saved(tmp_path / "c", {"w": BASE - STEP})
    assert distance(recorded, near, base).error == pytest.approx(0.01, rel=0.05)
    assert distance(recorded, far, base).error == pytest.approx(2, rel=0.05)
    unknown = distance(recorded, near, None)
    assert unknown.error is None
    assert "began" in unknown.why_not


@pytest.mark.parametrize(
    "other",
    [{"w": BASE[:8]}, {"v": BASE}, {"w": np.full_like(BASE, np.nan)}, {"w": BASE + STEP, "v": BASE}],
    ids=["shape", "name", "nan", "one more"],
)
def test_what_cannot_be_compared_is_no_distance(tmp_path, other):
    base = saved(tmp_path / "base", {"w": BASE})
    found = distance(saved(tmp_path / "a", {"w": BASE + STEP}), saved(tmp_path / "b", other), base)
    assert found.error is None
    assert found.why_not


def test_an_adapter_is_no_whole_model(tmp_path):
    found = distance(adapter(tmp_path / "a", A, B), saved(tmp_path / "b", {"w": BASE}), None)
    assert found.error is None
    assert "adapter" in found.why_not


def test_an_adapter_of_nan_is_no_distance(tmp_path):
    broken = adapter(tmp_path / "b", A, np.full_like(B, np.nan))
    assert distance(adapter(tmp_path / "a", A, B), broken, None).error is None
