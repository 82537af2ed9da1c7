from __future__ import annotations

import json

import pytest

from hubver.gate.asking.requests import Chat, Continuation, Generation, Likelihood, Message, digest, from_json, to_json

CHAT = Chat((Message("user", "hi"),))


def test_each_question_has_a_digest_of_its_own():
    requests = [
        Generation("a"),
        Generation("b"),
        Generation("a", 65),
        Generation("a", stop=("x",)),
        Generation("a", draw=0),
        Generation("a", draw=1),
        Generation("a", draw=0, temperature=0.5),
        Generation("a", draw=0, top_p=0.5),
        Generation(CHAT),
        Likelihood("a", ("b",)),
        Likelihood("a", ("b", "c")),
        Likelihood("a", ("c", "b")),
        Likelihood(CHAT, ("b",)),
    ]
    assert len({digest(request) for request in requests}) == len(requests)


def test_a_digest_is_the_same_everywhere():
    assert digest(Generation("é\n")) == "c841f62f83f6091acfa6257ce5c3f1e480159fa03b944c6bee627fd90c3e67a4"
    assert digest(Likelihood("a", ("b",))) == digest(Likelihood("a", ("b",)))


@pytest.mark.parametrize(
    "answer", ["", "text \ud7ff", (Continuation(-1.25, 3, greedy=False), Continuation(-0.0, 1, greedy=True))]
)
def test_an_answer_survives_json(answer):
    assert from_json(json.loads(json.dumps(to_json(answer)))) == answer


@pytest.mark.parametrize("value", [None, 1, {}, [], [[]], [[-1.0, 2]], [["-1", 2, True]], [[-1.0, 2, 1]]])
def test_what_is_no_answer_is_refused(value):
    with pytest.raises(ValueError, match=r"answer|continuation"):
        from_json(value)
