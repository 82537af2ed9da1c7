from __future__ import annotations

import dataclasses
import os
from typing import Any

import pytest

from hubver.record.observe.arguments import changed
from hubver.record.place import environment

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("library", ["transformers", "trl"])
@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"learning_rate": 0.25, "lr_scheduler_type": "cosine", "seed": 7}, id="plain values"),
        pytest.param({"bf16": True, "eval_strategy": "steps", "logging_steps": 3}, id="values that decide others"),
        pytest.param({"accelerator_config": {"split_batches": True}, "debug": "underflow_overflow"}, id="objects"),
        pytest.param({"optim_target_modules": "all-linear", "max_steps": 5}, id="defaults of none"),
    ],
)
def test_what_was_set_is_listed_and_nothing_else(tmp_path, library, given):
    import transformers
    import trl

    cls = {"transformers": transformers.TrainingArguments, "trl": trl.SFTConfig}[library]
    found = changed(cls(output_dir=str(tmp_path), use_cpu=True, **given))
    # TRL trains in bf16 unless told otherwise.
    unusual = given.keys() - ({"bf16"} if library == "trl" else set())
    assert set(found.values) == {"use_cpu", *unusual}
    assert found.values["use_cpu"] is True
    assert found.gaps == ()


def test_a_run_that_is_set_up_is_left_as_it_is(tmp_path):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState
    from transformers import TrainingArguments

    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, learning_rate=0.25)
    accelerator = Accelerator(cpu=True)
    states = [(state, dict(state._shared_state)) for state in (PartialState, AcceleratorState)]
    environment, given = dict(os.environ), dict(vars(args))
    assert set(changed(args).values) == {"learning_rate", "use_cpu"}
    assert accelerator.mixed_precision == "no"
    for state, before in states:
        assert before
        assert state._shared_state == before
    assert (dict(os.environ), vars(args)) == (environment, given)


def test_without_an_instance_to_compare_with_the_fields_defaults_count_and_that_is_a_gap(tmp_path):
    from transformers import TrainingArguments

    @dataclasses.dataclass
    class Demanding(TrainingArguments):
        lines: list[str] = dataclasses.field(default_factory=list)
        rate: Any = None

        def __post_init__(self) -> None:
            if self.rate is None:
                raise ValueError("give a rate, not hf_" + "a1B2" * 8)
            super().__post_init__()

    found = changed(Demanding(output_dir=str(tmp_path), use_cpu=True, rate=2))
    assert found.values["rate"] == 2
    assert found.values.keys().isdisjoint({"lines", "learning_rate", "seed"})
    (gap,) = found.gaps
    assert gap.field == "training.arguments"
    assert "give a rate" in gap.reason
    assert "a1B2" not in gap.reason


def test_deepspeed_keeps_the_instance_it_asks(tmp_path, monkeypatch):
    from transformers import TrainingArguments

    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, learning_rate=0.25)
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    found = changed(args)
    assert found.values["learning_rate"] == 0.25
    assert "DeepSpeed is in use" in found.gaps[0].reason


def test_what_an_instance_sets_in_the_environment_is_undone(monkeypatch):
    monkeypatch.setenv("HUBVER_TEST_KEPT", "1")
    monkeypatch.delenv("HUBVER_TEST_NEW", raising=False)
    before = dict(os.environ)
    with environment.restored():
        os.environ["HUBVER_TEST_NEW"] = os.environ["HUBVER_TEST_KEPT"] = "2"
        del os.environ["PATH"]
    assert dict(os.environ) == before
