from __future__ import annotations

import json
import shutil

import pytest

from hubver.gate.asking.requests import Chat, Message
from hubver.gate.engine import ModelSource, template_fault, tokenizer_fault

pytestmark = pytest.mark.slow

CHAT = Chat((Message("system", "be brief"), Message("user", "<think>hm</think> hello"), Message("user", "zz 99")))


def copied(tiny, tmp_path, **changes):
    """An adapter with a tokenizer of its own, and some of its vocabulary changed."""
    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "adapter")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny.base / name, folder / name)
    state = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = state["model"]["vocab"]
    for one, other in changes.items():
        vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    (folder / "tokenizer.json").write_text(json.dumps(state))
    return folder


def test_the_same_tokenizer_is_no_fault(tiny, tmp_path):
    assert tokenizer_fault(ModelSource("candidate", copied(tiny, tmp_path), tiny.base), tiny.prompts) is None


def test_no_tokenizer_of_its_own_is_no_fault(tiny):
    assert tokenizer_fault(ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base), tiny.prompts) is None


def test_a_swapped_tokenizer_is_named_by_the_first_prompt_that_shows_it(tiny, tmp_path):
    source = ModelSource("candidate", copied(tiny, tmp_path, q="z"), tiny.base)
    assert tokenizer_fault(source, ["alpha", "beta"]) is None
    fault = tokenizer_fault(source, ["alpha", "zz 99 top secret"])
    assert "tokenizer of candidate is not its base's" in fault
    assert "prompt 2 of 2 otherwise (token 1)" in fault
    assert "secret" not in fault, "it goes into a public report"


def test_an_adapter_that_trained_embeddings_may_have_its_own_tokens(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = copied(tiny, tmp_path, q="z")
    weights = load_file(folder / "adapter_model.safetensors")
    weights["base_model.model.model.embed_tokens.weight"] = next(iter(weights.values())).clone()
    save_file(weights, folder / "adapter_model.safetensors")
    assert tokenizer_fault(ModelSource("candidate", folder, tiny.base), ["zz"]) is None


def test_a_whole_model_may_have_its_own_tokenizer(tiny):
    assert tokenizer_fault(ModelSource("candidate", tiny.another_base(), tiny.base), ["zz"]) is None


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{% for m in messages %}{{ m.role + ':' + m.content | trim }}{% endfor %}", None),
        ("{% for m in messages %}{{ m.role }}:{{ m.content.split('</think>')[-1] }}{% endfor %}", None),
        ("{% for m in messages[1:] %}{{ m.content }}{% endfor %}", "leaves out message 1 (system) of chat 2 of 2"),
        ("{% for m in messages[:2] %}{{ m.content }}{% endfor %}", "leaves out message 3 (user) of chat 2 of 2"),
        ("{% for m in messages %}{{ m.content }}", "cannot make a prompt of a chat"),
        ("{{ raise_exception('only users speak') }}", "only users speak"),
        (None, "has no chat template"),
    ],
)
def test_a_template_must_say_what_the_messages_say(tiny, tmp_path, template, fault):
    folder = shutil.copytree(tiny.base, tmp_path / "chat")
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    said = template_fault(ModelSource("candidate", folder), [Chat((Message("user", ""),)), CHAT])
    assert (said is None) if fault is None else (fault in said)


def test_no_chats_need_no_template(tiny):
    assert template_fault(ModelSource("candidate", tiny.base), []) is None
