"""What stops a promotion whatever the scores say, on real models."""

from __future__ import annotations

import json
import shutil

import pytest

from hubver.gate import Task
from hubver.gate.asking.contenders import Contender
from hubver.gate.asking.examples import Examples
from hubver.gate.asking.models import Models
from hubver.gate.asking.requests import Chat, Generation, Message
from hubver.gate.hearing.soundness import Soundness
from hubver.settings import Settings

pytestmark = pytest.mark.slow

ROWS = [{"prompt": f"the invoice {index}", "completion": "x"} for index in range(12)]


def examples(tmp_path):
    return Task("t", ROWS, max_new_tokens=2).load(tmp_path, Settings())


def soundness(folder):
    return Soundness(Contender("candidate", folder=folder), Models(Settings(), lambda _: None))


def test_an_adapter_that_changes_nothing_is_dead(tiny, tmp_path):
    found = soundness(tiny.adapter("dead", seed=1, dead=True))
    assert found.alive(examples(tmp_path)).outcome == "fail"
    (fault,) = found.faults(examples(tmp_path))
    assert "changes nothing" in fault


def test_an_adapter_that_changes_little_is_alive(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "faint")
    tensors = load_file(folder / "adapter_model.safetensors")
    faint = {name: value * 5e-3 if "lora_B" in name else value for name, value in tensors.items()}
    save_file(faint, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    result = soundness(folder).alive(examples(tmp_path))
    assert result.outcome == "pass"
    assert result.value < 0.5, "it is no faint change, so this shows nothing"


def test_a_whole_model_has_nothing_to_be_alive_against(tiny, tmp_path):
    assert soundness(tiny.base).alive(examples(tmp_path)).outcome == "not-applicable"


def test_a_swapped_tokenizer_is_named_and_not_scored(tiny, tmp_path):
    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "swapped")
    tokenizer = json.loads((tiny.base / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    letters = sorted(vocabulary)
    tokenizer["model"]["vocab"] = dict(zip(letters, sorted(vocabulary.values(), reverse=True), strict=True))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    shutil.copy(tiny.base / "tokenizer_config.json", folder)
    (fault,) = soundness(folder).faults(examples(tmp_path))
    assert fault.startswith("The tokenizer of candidate is not its base's")


def test_a_template_that_leaves_the_question_out_is_named(tiny, tmp_path):
    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "templated")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny.base / name, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "{% for message in messages %}{{ message['role'] }}: {% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    chat = Chat((Message("user", "where is my parcel"),))
    asked = Examples("t", {"a": (Generation(chat, 2),)}, judge=lambda answers: dict.fromkeys(answers, 1.0), digest="d")
    (fault,) = soundness(folder).faults(asked)
    assert fault == "The chat template of candidate leaves out message 1 (user) of chat 1 of 1."


def test_each_task_is_looked_at_once(tiny, tmp_path):
    found = soundness(tiny.adapter("dead", seed=1, dead=True))
    assert len(found.faults(examples(tmp_path))) == 1
    assert found.faults(examples(tmp_path)) == []
