"""Code that a model brings along: it never runs unless the settings say so."""

from __future__ import annotations

import io
import json
import shutil

import pytest

from hubver.errors import HarnessFailed
from hubver.gate.asking.contenders import Contender
from hubver.gate.asking.models import Models
from hubver.gate.asking.requests import Generation
from hubver.gate.engine import Engine, ModelSource
from hubver.settings import Settings

# transformers copies the module before it imports it, so the mark is at an absolute path.
CODE = """
open({mark!r}, "w").close()
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

class OwnConfig(LlamaConfig):
    model_type = "own"

class Own(LlamaForCausalLM):
    config_class = OwnConfig

class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""
MODEL = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.Own"}
TOKENIZER = {"AutoTokenizer": [None, "modeling_own.OwnTokenizer"]}


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "mark"


@pytest.fixture
def bringing(tiny, tmp_path, mark, monkeypatch):
    """A model with code of its own that leaves a mark where it runs."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))

    def made(model_type: str):
        folder = shutil.copytree(tiny.base, tmp_path / "model")
        (folder / "modeling_own.py").write_text(CODE.format(mark=str(mark)))
        for name, more in (
            ("config.json", {"auto_map": MODEL, "model_type": model_type, "architectures": ["Own"]}),
            ("tokenizer_config.json", {"auto_map": TOKENIZER, "tokenizer_class": "OwnTokenizer"}),
        ):
            path = folder / name
            path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
        return folder

    return made


def asked(settings: Settings, folder) -> list:
    models = Models(settings, lambda _line: None)
    return models.answers(Contender("candidate", folder=folder), [Generation("alpha", max_new_tokens=2)])


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["refuse", "ignore"])
@pytest.mark.parametrize("model_type", ["own", "llama"])
def test_it_does_not_run_unless_the_settings_say_so(bringing, mark, chosen, model_type, monkeypatch):
    folder = bringing(model_type)
    # transformers would ask on the terminal, if it was told nothing.
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 20))
    with pytest.raises(HarnessFailed, match="contains custom code"):
        asked(Settings(remote_code=chosen), folder)
    assert not mark.exists()


@pytest.mark.slow
def test_what_transformers_knows_is_loaded_by_its_own_code(bringing, mark, tiny):
    folder = bringing("llama")
    for name in ("tokenizer_config.json",):
        shutil.copy(tiny.base / name, folder / name)
    assert asked(Settings(remote_code="ignore"), folder) == asked(Settings(), tiny.base)
    assert not mark.exists()


@pytest.mark.slow
def test_it_runs_where_the_settings_say_so(bringing, mark, tiny):
    assert asked(Settings(remote_code="run"), bringing("own")) == asked(Settings(), tiny.base)
    assert mark.exists()


def test_answers_by_a_models_own_code_are_kept_apart():
    keys = [Models(Settings(remote_code=chosen), print).key() for chosen in ("refuse", "ignore", "run")]
    assert keys[0] == keys[1]
    assert keys[2] == {**keys[0], "remote_code": True}


def test_a_source_trusts_nothing_by_itself(tmp_path):
    assert ModelSource("candidate", tmp_path).remote_code is False
    assert Engine().key().keys().isdisjoint({"remote_code"})
