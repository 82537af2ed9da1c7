from __future__ import annotations

import random
import shutil
from collections import Counter

import pytest

from hubver.errors import BadInput, HarnessFailed
from hubver.gate.asking.requests import Chat, Generation, Message
from hubver.gate.engine import Engine, ModelSource

pytestmark = pytest.mark.slow

CHATML = (
    "{% for message in messages %}{{ '<' + message.role + '>' + message.content + '</' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


@pytest.fixture(scope="module")
def model(tiny):
    return Engine().load(ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base))


def with_template(tiny, folder, template, *, bos=False):
    from transformers import AutoTokenizer

    shutil.copytree(tiny.base, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    if bos:
        from tokenizers.processors import TemplateProcessing

        tokenizer.add_special_tokens({"bos_token": "<pad>"})
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<pad> $A", special_tokens=[("<pad>", tokenizer.bos_token_id)]
        )
    tokenizer.save_pretrained(folder)
    return folder


def cut(text, stops):
    """What lm-evaluation-harness makes of it, in a batch of one, where each character is a token.

    It generates until a stop text is there, and then cuts at one stop text after another.
    """
    ends = (end for end in range(len(text)) if any(stop in text[:end] for stop in stops))
    text = text[: next(ends, len(text))]
    for stop in stops:
        text = text.split(stop)[0]
    return text


@pytest.mark.parametrize("length", [1, 2, 3])
def test_an_answer_ends_before_its_stop_text(model, tiny, length):
    whole = model.answer([Generation(prompt, 24) for prompt in tiny.prompts])
    # Stop texts from the middle of the answers themselves, so that each is met by some and not by others.
    stops = [(text[8 : 8 + length], text[15 : 15 + length]) for text in whole]
    requests = [Generation(prompt, 24, stop=stop) for prompt, stop in zip(tiny.prompts, stops, strict=True)]
    expected = [cut(text, stop) for text, stop in zip(whole, stops, strict=True)]
    assert [len(text) for text in expected] != [len(text) for text in whole]
    assert model.answer(requests) == expected
    assert [model.answer([request])[0] for request in requests] == expected


def test_a_row_stops_where_its_text_says_and_a_batch_when_all_have(tiny):
    model = Engine().load(ModelSource("candidate", tiny.base))
    (whole,) = model.answer([Generation("alpha", 24)])
    before = model.pace
    assert model.answer([Generation("alpha", 24, stop=(whole[4],))]) == [whole.split(whole[4])[0]]
    assert model.pace.generated - before.generated == whole.index(whole[4]) + 1, "it went on after its stop text"
    assert model.pace.requests == before.requests + 1
    assert model.pace.tokens_per_second > 0


def test_an_empty_stop_text_stops_nothing(model):
    assert model.answer([Generation("alpha", 8, stop=("",))]) == model.answer([Generation("alpha", 8)])


def test_one_call_takes_every_kind_of_request_and_keeps_their_order(model, tiny):
    requests = [
        Generation(prompt, length, stop=stop, draw=draw)
        for prompt in tiny.prompts[:4]
        for length in (3, 7)
        for stop in ((), ("e",))
        for draw in (None, 0)
    ]
    alone = [model.answer([request])[0] for request in requests]
    assert len(set(alone)) > len(requests) // 2
    shuffled = random.Random(5).sample(requests, len(requests))
    assert model.answer([*shuffled, *requests]) == [alone[requests.index(request)] for request in shuffled] + alone


def test_a_draw_is_the_same_in_any_company_and_differs_from_the_next(model, tiny):
    draws = [Generation(prompt, 12, draw=number) for prompt in tiny.prompts for number in range(3)]
    together = model.answer(draws)
    assert len(set(together)) > len(draws) * 0.9
    assert model.answer(draws[::-1]) == together[::-1]
    assert [model.answer([draw])[0] for draw in draws[:6]] == together[:6]
    assert together != [text for text in model.answer([Generation(p, 12) for p in tiny.prompts]) for _ in range(3)]


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 0.8), (1.0, 0.5)])
def test_draws_have_the_distribution_that_transformers_draws_from(temperature, top_p):
    import torch
    from transformers import TemperatureLogitsWarper, TopPLogitsWarper

    from hubver.gate.engine.drawing import Draws

    count = 4000
    logits = torch.tensor([[2.0, -1.0, 1.5, 0.0, 1.0]])
    warped = TopPLogitsWarper(top_p)(None, TemperatureLogitsWarper(temperature)(None, logits))
    expected = warped.softmax(-1)[0].tolist()
    requests = [Generation("x", 4, draw=number, temperature=temperature, top_p=top_p) for number in range(count)]
    draws = Draws(requests, prompt_width=1)
    ids = torch.zeros((count, 1), dtype=torch.long)
    first = draws(ids, logits.expand(count, -1)).argmax(-1)
    seen = Counter(first.tolist())
    for token, probability in enumerate(expected):
        assert (seen[token] == 0) == (probability == 0)
        # Five standard deviations of a count; the numbers are seeded, so it holds always or never.
        assert abs(seen[token] - count * probability) <= 5 * (count * probability * (1 - probability)) ** 0.5
    second = draws(torch.zeros((count, 2), dtype=torch.long), logits.expand(count, -1)).argmax(-1)
    assert not torch.equal(first, second), "every step draws the same"


def test_rows_without_a_draw_stay_greedy_beside_those_with_one():
    import torch

    from hubver.gate.engine.drawing import Draws

    logits = torch.tensor([[0.1, 0.2, 0.0]]).expand(50, -1)
    requests = [Generation("x", 4, draw=number if number % 2 else None) for number in range(50)]
    chosen = Draws(requests, 1)(torch.zeros((50, 1), dtype=torch.long), logits).argmax(-1)
    assert set(chosen[::2].tolist()) == {1}
    assert set(chosen[1::2].tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Generation("a", 0), "asks for 0 new tokens"),
        (Generation("a", 4, draw=0, temperature=0.0), "temperature 0"),
        (Generation("a", 4, draw=0, top_p=0.0), "top_p 0"),
        (Generation("a", 4, draw=0, top_p=1.5), "top_p 1.5"),
        (Generation("a" * 100, 29), "do not fit"),
        (Generation("", 4), "makes no tokens"),
    ],
)
def test_a_request_that_cannot_be_asked_is_refused(model, request_, message):
    with pytest.raises(BadInput, match=message):
        model.answer([Generation("fine", 4), request_])


CHAT = Chat((Message("system", "be brief"), Message("user", "hello there")))


@pytest.mark.parametrize("bos", [False, True])
def test_a_chat_is_what_transformers_makes_of_it(tiny, tmp_path, bos):
    import torch

    folder = with_template(tiny, tmp_path / "chat", ("<pad>" if bos else "") + CHATML, bos=bos)
    model = Engine().load(ModelSource("candidate", folder))
    turns = [{"role": message.role, "content": message.content} for message in CHAT.messages]
    ids = model.encoder.tokenizer.apply_chat_template(turns, add_generation_prompt=True)["input_ids"]
    assert model.encoder.prompts([CHAT]) == [ids]
    assert ids.count(0) == (1 if bos else 0), "no beginning of sequence, or two"
    module = model.network.module
    inputs = torch.tensor([ids])
    output = module.generate(
        input_ids=inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=8, do_sample=False
    )
    expected = model.encoder.tokenizer.decode(output[0, len(ids) :], skip_special_tokens=True)
    assert model.answer([Generation("alpha", 8), Generation(CHAT, 8)])[1] == expected


def test_a_text_that_begins_a_sequence_gets_no_second_beginning(tiny, tmp_path):
    folder = with_template(tiny, tmp_path / "bos", CHATML, bos=True)
    encoder = Engine().load(ModelSource("candidate", folder)).encoder
    plain, marked = encoder.prompts(["alpha", "<pad>alpha"])
    assert plain == marked
    assert plain.count(0) == 1


@pytest.mark.parametrize(
    ("template", "error", "message"),
    [
        (None, BadInput, "has no chat template"),
        ("{{ raise_exception('no system turns here') }}", HarnessFailed, "no system turns here"),
        ("{% for message in %}", HarnessFailed, "chat template of candidate cannot"),
        ("", BadInput, "has no chat template"),
    ],
)
def test_a_chat_without_a_template_that_works_is_refused(tiny, tmp_path, template, error, message):
    model = Engine().load(ModelSource("candidate", with_template(tiny, tmp_path / "chat", template)))
    with pytest.raises(error, match=message):
        model.answer([Generation(CHAT, 4)])
