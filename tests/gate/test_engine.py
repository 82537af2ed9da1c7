from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import warnings

import pytest

from hubver.errors import BadInput, HarnessFailed, Unsafe
from hubver.gate.asking.requests import Generation, Likelihood
from hubver.gate.engine import Engine, ModelSource, time_requests

pytestmark = pytest.mark.slow


def texts(model, prompts, new_tokens):
    return model.answer([Generation(prompt, new_tokens) for prompt in prompts])


def one_by_one(base, adapter, prompts, new_tokens):
    """The plain way: one prompt, no batch, no padding, no shared base."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base)
    if adapter is not None:
        with warnings.catch_warnings():  # peft uses what transformers deprecated
            warnings.simplefilter("ignore")
            model = PeftModel.from_pretrained(model, adapter)
    model.eval()
    answers = []
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        mask = torch.ones_like(ids)
        output = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=new_tokens)
        answers.append(tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True))
    return answers


def test_two_adapters_on_one_base_answer_as_they_do_alone(tiny):
    one, two = tiny.adapter("one", seed=1), tiny.adapter("two", seed=2)
    engine = Engine()
    candidate = engine.load(ModelSource("candidate", one, tiny.base))
    production = engine.load(ModelSource("production", two, tiny.base))
    assert candidate.network is production.network, "the base is in memory twice"
    plain_one = one_by_one(tiny.base, one, tiny.prompts, 12)
    plain_two = one_by_one(tiny.base, two, tiny.prompts, 12)
    assert plain_one != plain_two, "the adapters do the same, so this test shows nothing"
    assert texts(candidate, tiny.prompts, 12) == plain_one
    assert texts(production, tiny.prompts, 12) == plain_two
    assert texts(candidate, tiny.prompts, 12) == plain_one


def test_answers_follow_their_prompts_in_any_order(tiny):
    model = Engine().load(ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base))
    prompts = tiny.prompts
    expected = dict(zip(prompts, texts(model, prompts, 8), strict=True))
    random.Random(3).shuffle(prompts)
    assert texts(model, prompts, 8) == [expected[prompt] for prompt in prompts]


def test_another_base_is_loaded_beside(tiny):
    other = tiny.another_base()
    engine = Engine()
    candidate = engine.load(ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base))
    production = engine.load(ModelSource("production", tiny.adapter("other", seed=1, base=other), other))
    assert candidate.network is not production.network
    assert texts(production, tiny.prompts[:8], 8) == one_by_one(
        other, tiny.adapter("other", seed=1, base=other), tiny.prompts[:8], 8
    )


def test_a_whole_model_stands_alone(tiny):
    model = Engine().load(ModelSource("candidate", tiny.base))
    assert texts(model, tiny.prompts[:8], 8) == one_by_one(tiny.base, None, tiny.prompts[:8], 8)


def test_a_base_that_adapters_sit_on_is_asked_itself_without_a_second_copy(tiny):
    one, two = tiny.adapter("one", seed=1), tiny.adapter("two", seed=2)
    alone = texts(Engine().load(ModelSource("base", tiny.base)), tiny.prompts, 8)
    for base_first in (False, True):
        engine = Engine()
        sources = [ModelSource("candidate", one, tiny.base), ModelSource("production", two, tiny.base)]
        sources.insert(0 if base_first else 1, ModelSource("base", tiny.base))
        models = {source.name: engine.load(source) for source in sources}
        assert len({id(model.network) for model in models.values()}) == 1, "the base is in memory twice"
        for _ in range(2):
            assert texts(models["base"], tiny.prompts, 8) == alone, "an adapter shows through"
            assert texts(models["candidate"], tiny.prompts, 8) == one_by_one(tiny.base, one, tiny.prompts, 8)
            assert texts(models["production"], tiny.prompts, 8) == one_by_one(tiny.base, two, tiny.prompts, 8)


def test_an_adapter_that_writes_into_the_base_gets_one_of_its_own(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "tied")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "modules_to_save": ["lm_head"]}))
    weights = load_file(folder / "adapter_model.safetensors")
    head = load_file(tiny.base / "model.safetensors")["lm_head.weight"]
    save_file(weights | {"base_model.model.lm_head.weight": -head}, folder / "adapter_model.safetensors")
    engine = Engine()
    base = engine.load(ModelSource("base", tiny.base))
    candidate = engine.load(ModelSource("candidate", folder, tiny.base))
    assert candidate.network is not base.network
    assert texts(base, tiny.prompts[:8], 8) == one_by_one(tiny.base, None, tiny.prompts[:8], 8)
    assert texts(candidate, tiny.prompts[:8], 8) == one_by_one(tiny.base, folder, tiny.prompts[:8], 8)


def test_models_are_timed_in_turn_on_the_same_requests(tiny):
    engine = Engine()
    models = [
        engine.load(ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base)),
        engine.load(ModelSource("production", tiny.adapter("two", seed=2), tiny.base)),
    ]
    requests = [Generation("alpha", 3), Generation("beta", 9), Likelihood("a", ("b",))]
    timings = time_requests(models, requests, repeats=3)
    assert len(timings) == 9
    assert all(timing.seconds > 0 for pair in timings for timing in pair)
    assert [[timing.generated for timing in pair] for pair in timings] == [[3, 3]] * 3 + [[9, 9]] * 3 + [[0, 0]] * 3
    with pytest.raises(BadInput, match="nothing to time"):
        time_requests(models, [], repeats=3)


def test_an_adapter_that_does_not_fit_is_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "renamed")
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file(
        {name.replace("layers.1", "layers.9"): value for name, value in tensors.items()},
        folder / "adapter_model.safetensors",
    )
    with pytest.raises(HarnessFailed, match="not applied as a whole"):
        Engine().load(ModelSource("candidate", folder, tiny.base))


def test_a_pickled_adapter_is_refused(tiny, tmp_path):
    folder = shutil.copytree(tiny.adapter("one", seed=1), tmp_path / "pickled")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(Unsafe, match="pickle"):
        Engine().load(ModelSource("candidate", folder, tiny.base))


@pytest.mark.parametrize("part", ["candidate", "base"])
def test_a_whole_model_that_is_a_pickle_is_refused(tiny, tmp_path, part):
    import torch
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny.base, tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    whole = ModelSource("candidate", folder)
    source = whole if part == "candidate" else ModelSource("candidate", tiny.adapter("one", seed=1), folder)
    with pytest.raises(Unsafe, match=r"candidate are a pickle.*found pytorch_model\.bin"):
        Engine().load(source)


def test_a_missing_base_is_a_harness_failure(tiny, tmp_path):
    with pytest.raises(HarnessFailed, match="loading candidate"):
        Engine().load(ModelSource("candidate", tiny.adapter("one", seed=1), tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("prompt", "new_tokens", "message"), [("a" * 100, 29, "do not fit"), ("", 4, "makes no tokens")]
)
def test_a_prompt_that_cannot_be_asked_is_refused(tiny, prompt, new_tokens, message):
    model = Engine().load(ModelSource("candidate", tiny.base))
    with pytest.raises(BadInput, match=message):
        texts(model, [prompt], new_tokens)


def test_settings_say_what_numbers_depend_on(tiny):
    settings = Engine().settings()
    assert {"device", "dtype", "threads", "torch", "transformers", "peft", "cpu_capability"} <= settings.keys()
    json.dumps(settings)


def test_the_key_is_known_before_a_model_is_loaded_and_names_no_batch(tiny):
    engine = Engine()
    key = engine.key()
    engine.load(ModelSource("candidate", tiny.base))
    assert engine.key() == key
    assert key.items() <= engine.settings().items() | {("threads", key["threads"])}
    assert not [name for name in key if "batch" in name]
    assert {"device", "dtype", "threads", "torch", "transformers", "peft", "cpu_capability", "engine"} <= key.keys()


def test_sampling_defaults_of_a_model_do_not_leak_in(tiny, tmp_path):
    folder = shutil.copytree(tiny.base, tmp_path / "sampling")
    (folder / "generation_config.json").write_text(
        json.dumps({"do_sample": True, "temperature": 5.0, "repetition_penalty": 9.0, "eos_token_id": 1})
    )
    plain = texts(Engine().load(ModelSource("candidate", tiny.base)), tiny.prompts[:8], 8)
    assert texts(Engine().load(ModelSource("candidate", folder)), tiny.prompts[:8], 8) == plain


def test_declaring_tasks_and_the_plugin_import_nothing_heavy():
    code = (
        "import sys, hubver.gate, hubver.gate.plugin;"
        "heavy = {'torch', 'transformers', 'peft', 'numpy', 'pydantic', 'huggingface_hub', 'rich', 'dulwich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
