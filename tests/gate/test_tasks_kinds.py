"""Each kind of task against a real model: what it asks, and that its scores are what the answers say."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from hubver.errors import BadInput
from hubver.gate import ChoiceTask, PerplexityTask, Task, exact_match
from hubver.gate.asking.requests import Chat, Continuation, Generation, Likelihood, Message
from hubver.gate.engine import Engine, ModelSource
from hubver.settings import Settings

SETTINGS = Settings(endpoint="http://127.0.0.1:9")
CHOICES = [
    {"prompt": f"q{number}", "choices": ["yes it is", "no", f"may be {number}"], "answer": number % 3}
    for number in range(12)
]
TEXTS = [{"text": f"the invoice {number} is wrong"} for number in range(5)]


@pytest.fixture(scope="module")
def model(tiny, tmp_path_factory):
    """A random model with a chat template."""
    folder = tmp_path_factory.mktemp("chats") / "model"
    shutil.copytree(tiny.base, folder)
    template = "{% for m in messages %}<{{ m.role }}> {{ m.content }} {% endfor %}{% if add_generation_prompt %}<a> {% endif %}"
    (folder / "chat_template.jinja").write_text(template)
    return Engine().load(ModelSource("candidate", folder))


def load(task):
    return task.load(Path(), SETTINGS)


def answered(model, examples):
    asked = [(name, request) for name, requests in examples.requests.items() for request in requests]
    found: dict[str, tuple] = {}
    for (name, _), answer in zip(asked, model.answer([request for _, request in asked]), strict=True):
        found[name] = (*found.get(name, ()), answer)
    return found


def scored(task, answers):
    """The scores where these are the answers to its only row."""
    examples = load(task)
    (name,) = examples.requests
    return examples.scores({name: tuple(answers)})[name]


LENGTHS = {
    None: lambda choice, item: 1,
    "characters": lambda choice, item: len(choice),
    "bytes": lambda choice, item: len(choice.encode()),
    "tokens": lambda choice, item: item.tokens,
}


@pytest.mark.slow
@pytest.mark.parametrize("normalise", LENGTHS)
def test_choices_are_right_where_the_likeliest_is(model, normalise):
    examples = load(ChoiceTask("t", CHOICES, normalise=normalise))
    found = examples.scores(answered(model, examples))
    by_prompt = {row["prompt"]: row for row in CHOICES}
    assert 0 < sum(found.values()) < len(found)  # else nothing would be seen
    for name, (request,) in examples.requests.items():
        row = by_prompt[request.prompt]
        (likely,) = model.answer([Likelihood(row["prompt"], tuple(" " + choice for choice in row["choices"]))])
        weighed = [
            item.log_probability / LENGTHS[normalise](choice, item)
            for choice, item in zip(row["choices"], likely, strict=True)
        ]
        assert found[name] == float(weighed.index(max(weighed)) == row["answer"])
        assert examples.expected[name] == row["choices"][row["answer"]]


def test_lengths_decide_between_choices():
    rows = [{"prompt": "p", "choices": ["aaaa", "b", "\u00e9\u00e9\u00e9"], "answer": 0}]
    answer = (Continuation(-4.0, 8, False), Continuation(-3.5, 1, False), Continuation(-3.3, 1, False))
    right = {None: 2, "characters": 0, "bytes": 2, "tokens": 0}
    assert {by: best(rows, answer, by) for by in right} == right
    assert best(rows, (answer[1],) * 3, None) == 0  # of equals, the first


def best(rows, answer, by):
    return next(n for n in range(3) if scored(ChoiceTask("t", [{**rows[0], "answer": n}], normalise=by), [answer]))


def test_classification_has_one_list_of_choices():
    rows = [{"prompt": "p", "label": "no"}, {"prompt": "q", "label": "yes"}]
    examples = load(ChoiceTask("t", rows, choices=["yes", "no"], answer="label", separator=": "))
    assert {request.continuations for (request,) in examples.requests.values()} == {(": yes", ": no")}
    assert sorted(examples.expected.values()) == ["no", "yes"]


@pytest.mark.parametrize(
    ("answer", "choices", "right"),
    [
        (2, ["2", "1", "0"], "0"),
        ("2", ["2", "1", "0"], "2"),
        ("1", ["a", "b"], "b"),
        (True, ["False", "True"], "True"),
    ],
)
def test_a_text_is_a_choice_before_it_is_a_number_and_a_number_is_none(answer, choices, right):
    examples = load(ChoiceTask("t", [{"prompt": "p", "choices": choices, "answer": answer}]))
    assert list(examples.expected.values()) == [right]


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ({"answer": 2}, {}, "none of its choices"),
        ({"answer": -1}, {}, "none of its choices"),
        ({"answer": "c"}, {}, "none of its choices"),
        ({"choices": ["a", "a"]}, {}, "all different"),
        ({"choices": ["a", ""]}, {}, "none empty"),
        ({"choices": ["a"]}, {}, "2 or more"),
        ({"choices": "ab"}, {}, "a list"),
        ({}, {"answer": "gone"}, "column 'gone'"),
        ({}, {"choices": "gone"}, "column 'gone'"),
        ({}, {"choices": ["{gone}", "b"]}, "column 'gone'"),
        ({"prompt": " "}, {}, "empty prompt"),
    ],
)
def test_choices_that_are_none_are_named(row, options, message):
    with pytest.raises(BadInput) as caught:
        load(ChoiceTask("t", [{"prompt": "p", "choices": ["a", "b"], "answer": 0, **row}], **options))
    assert message in str(caught.value)


@pytest.mark.slow
def test_a_text_scores_one_over_its_perplexity(model):
    for prompt in ("", "note: "):
        examples = load(PerplexityTask("t", TEXTS, prompt=prompt))
        found = examples.scores(answered(model, examples))
        for name, (request,) in examples.requests.items():
            assert request == Likelihood(prompt, request.continuations)
            ((item,),) = model.answer([request])
            assert found[name] == pytest.approx(math.exp(item.log_probability / item.tokens))
            assert 0 < found[name] < 1


def test_perplexity_of_the_certain_and_of_the_impossible():
    task = PerplexityTask("t", TEXTS[:1])
    assert scored(task, [(Continuation(0.0, 3, True),)]) == 1.0
    assert scored(task, [(Continuation(-3 * math.log(4), 3, True),)]) == pytest.approx(0.25)
    assert scored(task, [(Continuation(-math.inf, 3, False),)]) == 0.0
    with pytest.raises(BadInput, match="empty text"):
        load(PerplexityTask("t", [{"text": ""}]))


TURNS = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "is {thing} late?"}]


@pytest.mark.slow
def test_chats_go_through_the_models_own_template(model):
    rows = [{"thing": "it", "completion": "x", "turns": [{"role": "user", "content": "is {it} late?"}]}]
    written = load(Task("t", rows, messages=TURNS, max_new_tokens=6))
    ((request,),) = written.requests.values()
    assert request.prompt == Chat((Message("system", "be brief"), Message("user", "is it late?")))
    plain = model.answer([Generation("<system> be brief <user> is it late? <a> ", 6)])
    assert model.answer([request]) == plain
    ((taken,),) = load(Task("t", rows, messages="turns")).requests.values()
    assert taken.prompt == Chat((Message("user", "is {it} late?"),))  # no template: braces stay
    ((choice,),) = load(
        ChoiceTask("t", rows, messages=TURNS, choices=["x", "y"], answer="completion")
    ).requests.values()
    assert choice.prompt == request.prompt


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user"}],
        ["hello"],
        [*TURNS, {"role": "assistant", "content": "no"}],
    ],
)
def test_messages_that_are_no_chat_are_named(messages):
    with pytest.raises(BadInput, match="no chat that a model can answer"):
        Task("t", [{"completion": "x"}], messages=messages)
    with pytest.raises(BadInput, match="no chat that a model can answer"):
        load(Task("t", [{"completion": "x", "turns": messages}], messages="turns"))


def test_a_prompt_and_messages_are_refused_together():
    with pytest.raises(BadInput, match="a prompt and messages"):
        Task("t", [{"completion": "x"}], prompt="{a}", messages=TURNS)


@pytest.mark.slow
def test_draws_are_different_and_their_mean_counts(model):
    rows = [{"prompt": f"hello {number}", "completion": "x"} for number in range(4)]
    task = Task("t", rows, samples=3, temperature=0.9, top_p=0.95, max_new_tokens=8, scorer=share_of_vowels)
    examples = load(task)
    (first, *_) = examples.requests.values()
    assert first == tuple(
        Generation(first[0].prompt, 8, draw=number, temperature=0.9, top_p=0.95) for number in range(3)
    )
    answers = answered(model, examples)
    assert any(len(set(texts)) == 3 for texts in answers.values())
    found = examples.scores(answers)
    assert found == {
        name: pytest.approx(sum(share_of_vowels(text, "") for text in texts) / 3) for name, texts in answers.items()
    }


def share_of_vowels(prediction, expected):
    return sum(letter in "aeiou" for letter in prediction) / max(1, len(prediction))


@pytest.mark.parametrize(
    ("draws", "message"),
    [([1.0, float("nan"), 1.0], "gave nan"), ([1.0, 2.0, 0.0], "gave 2.0"), ([0.5, None, 0.5], "gave None")],
)
def test_a_draw_that_has_no_score_is_not_averaged_away(draws, message):
    from hubver.gate.asking.examples import BadScore

    found = iter(draws)
    task = Task(
        "t",
        [{"prompt": "p", "completion": "c"}],
        samples=3,
        temperature=1.0,
        scorer=lambda prediction, expected: next(found),
    )
    with pytest.raises(BadScore, match=message):
        scored(task, ["a", "b", "c"])


@pytest.mark.slow
def test_stop_texts_end_an_answer(model):
    rows = [{"prompt": "hello", "completion": ""}]
    ((whole,),) = answered(model, load(Task("t", rows, max_new_tokens=12))).values()
    stop = whole[5]
    task = Task("t", [{"prompt": "hello", "completion": whole.split(stop)[0]}], stop=[stop], max_new_tokens=12)
    examples = load(task)
    assert list(examples.scores(answered(model, examples)).values()) == [1.0]


@pytest.mark.parametrize(
    "options",
    [
        {"samples": 2},
        {"top_p": 0.5},
        {"samples": 0, "temperature": 1.0},
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"temperature": 1.0, "top_p": 0.0},
        {"temperature": 1.0, "top_p": 1.5},
        {"stop": "abc"},
        {"stop": [""]},
    ],
)
def test_answers_that_cannot_be_asked_for_are_refused_at_once(options):
    with pytest.raises(BadInput):
        Task("t", TEXTS, **options)


@pytest.mark.parametrize("options", [{"choices": ["a"]}, {"normalise": "words"}, {"limit": 0}])
def test_choices_that_make_no_sense_are_refused_at_once(options):
    with pytest.raises(BadInput):
        ChoiceTask("t", CHOICES, **options)


PLAIN = {
    Task: Task("t", [{"prompt": "p", "completion": "c", "text": "x"}]),
    ChoiceTask: ChoiceTask("t", [{"prompt": "p", "choices": ["a", "b"], "answer": 0, "other": 1, "text": "x"}]),
    PerplexityTask: PerplexityTask("t", [{"text": "x", "prompt": "p"}]),
}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (Task, {"stop": ["x"]}),
        (Task, {"temperature": 1.0}),
        (Task, {"temperature": 1.0, "samples": 2}),
        (Task, {"temperature": 0.5, "samples": 2}),
        (Task, {"temperature": 0.5, "samples": 2, "top_p": 0.9}),
        (Task, {"messages": [{"role": "user", "content": "{prompt}"}]}),
        (Task, {"messages": [{"role": "system", "content": "{prompt}"}]}),
        (ChoiceTask, {"choices": ["a", "b"]}),
        (ChoiceTask, {"answer": "other"}),
        (ChoiceTask, {"separator": ""}),
        (ChoiceTask, {"normalise": "bytes"}),
        (ChoiceTask, {"normalise": "characters"}),
        (PerplexityTask, {"text": "{prompt}"}),
        (PerplexityTask, {"prompt": "{prompt}"}),
        (PerplexityTask, {"slice_by": "text"}),
    ],
)
def test_whatever_changes_the_numbers_changes_the_digest(kind, changed):
    def digest(**options):
        return load(kind("t", PLAIN[kind].rows, **options)).digest

    assert digest(**changed) == digest(**changed)
    others = [{key: value} for key, value in changed.items()] if len(changed) > 1 else []
    digests = {digest(), digest(**changed), *(digest(**one) for one in others if one.keys() == {"temperature"})}
    assert len(digests) == 2 + any(one.keys() == {"temperature"} for one in others)
    assert digest() == load(PLAIN[kind]).digest


def test_what_a_task_is_called_is_no_part_of_its_digest():
    rows = [{"prompt": "p", "completion": "c"}]
    assert load(Task("a", rows)).digest == load(Task("b", rows, scorer=exact_match)).digest
