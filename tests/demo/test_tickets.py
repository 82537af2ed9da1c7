from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter

import pytest

from hubver.demo import tickets

# Of the bytes that every machine and every Python must generate.
ROWS_SHA256 = "5ba305f9d43f0a87963bd8deabfe34e54f18d3fbea934201b8ea4cd4c2aa3bba"
CORPUS_SHA256 = "b55900bf5dd4d45e6e3d6180350c807e731784421c6cc956b25cbf8591661e95"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_tickets_are_the_same_everywhere():
    assert sha256(tickets.jsonl(tickets.rows(100, "train"))) == ROWS_SHA256
    assert sha256("\n".join(tickets.corpus(100, "base"))) == CORPUS_SHA256


def test_no_other_process_generates_anything_else():
    code = "from hubver.demo import tickets; print(tickets.jsonl(tickets.rows(50, 'x')), end='')"
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        )
        assert run.stdout == tickets.jsonl(tickets.rows(50, "x"))


def test_another_seed_gives_other_tickets():
    first, second = tickets.rows(100, "one"), tickets.rows(100, "two")
    assert {row["prompt"] for row in first} != {row["prompt"] for row in second}


def test_queues_and_priorities_have_their_shares():
    rows = tickets.rows(300, "held-out")
    assert Counter(row["queue"] for row in rows) == dict.fromkeys(tickets.QUEUES, 60)
    for queue in tickets.QUEUES:
        shares = Counter(row["priority"] for row in rows if row["queue"] == queue)
        assert shares == {"normal": 24, "high": 18, "low": 18}


def test_the_order_says_nothing():
    queues = [row["queue"] for row in tickets.rows(300, "held-out")]
    assert queues != [tickets.QUEUES[n % 5] for n in range(300)]


def test_the_answer_can_be_read_from_the_ticket():
    for row in tickets.rows(300, "held-out"):
        assert [queue for queue, subjects in tickets.SUBJECTS.items() if any(s in row["prompt"] for s in subjects)] == [
            row["queue"]
        ]
        assert [name for name, said in tickets.URGENCIES.items() if any(s in row["prompt"] for s in said)] == [
            row["priority"]
        ]
        assert json.loads(row["completion"]) == {"queue": row["queue"], "priority": row["priority"]}


def test_no_ticket_occurs_twice():
    prompts = [row["prompt"] for row in tickets.rows(1600, "train")]
    assert len(set(prompts)) == 1600


def test_held_out_tickets_can_be_kept_apart():
    known = {row["prompt"] for row in tickets.rows(200, "one")}
    again = tickets.rows(200, "one", apart_from=known)
    assert len(again) == 200
    assert not known & {row["prompt"] for row in again}


def test_a_queue_can_be_left_out():
    rows = tickets.rows(100, "train", without=("returns",))
    assert Counter(row["queue"] for row in rows) == dict.fromkeys(("account", "billing", "shipping", "technical"), 25)


@pytest.mark.parametrize(
    ("without", "said"), [(("refunds",), "no such queue: refunds"), (tickets.QUEUES, "at least one")], ids=str
)
def test_what_cannot_be_left_out(without, said):
    with pytest.raises(ValueError, match=said):
        tickets.rows(10, "train", without=without)


def test_a_draft_has_the_same_tickets_and_queues_and_no_priorities():
    draft, checked = tickets.rows(100, "train", draft=True), tickets.rows(100, "train")
    assert [(row["prompt"], row["queue"]) for row in draft] == [(row["prompt"], row["queue"]) for row in checked]
    assert {json.loads(row["completion"])["priority"] for row in draft} == {"normal"}
    assert sum(d["completion"] == c["completion"] for d, c in zip(draft, checked, strict=True)) == 40


def test_the_corpus_does_not_give_the_task_away():
    routed = [text for text in tickets.corpus(8000, "base") if "Route:" in text]
    right = 0
    for text in routed:
        asked, answered = text.split("\nRoute:")
        queue = json.loads(answered)["queue"]
        right += any(subject in asked for subject in tickets.SUBJECTS[queue])
    assert len(routed) > 1000
    assert abs(right / len(routed) - 1 / len(tickets.QUEUES)) < 0.04
