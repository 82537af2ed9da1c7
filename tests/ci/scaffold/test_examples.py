"""Rows that a user has, and the gates that are written for them."""

from __future__ import annotations

import json

import pytest
from scaffolds import lines, tickets

from hubver.ci.scaffold import examples as module
from hubver.ci.scaffold.examples import Examples
from hubver.errors import HubverError

CHAT = [
    {
        "prompt": [{"role": "user", "content": f"What is {n} + 1?"}],
        "completion": [{"role": "assistant", "content": f"{n + 1}"}],
    }
    for n in range(3)
]
LONG = "a quite long answer that nobody would give in exactly these words twice"


def read(tmp_path, *values, name="rows.jsonl") -> Examples:
    (tmp_path / name).write_text(lines(*values), encoding="utf-8")
    return Examples.read(tmp_path / name)


def task(users_project):
    """The task that the written gates ask about, with its rows read."""
    found: dict = {}
    gates = users_project.root / "gates"
    exec((gates / "test_quality.py").read_text(encoding="utf-8"), found)
    found["EXAMPLES"].load(gates, None)
    return found["EXAMPLES"]


def test_columns_slices_and_lengths_are_found(tmp_path):
    found = read(tmp_path, *tickets())
    assert (found.rows, found.prompt, found.expected, found.slice_by) == (12, "prompt", "{completion}", "queue")
    assert (found.exact, found.chat, found.max_new_tokens) == (True, False, 16)
    assert found.first == tuple(row["prompt"] for row in tickets(3))


@pytest.mark.parametrize(
    ("prompt", "completion"), [("question", "answer"), ("instruction", "output"), ("input", "target")]
)
def test_other_names_of_columns_are_known(users_project, rows, prompt, completion):
    told = [{prompt: f"{n}?", completion: LONG, "id": n} for n in range(3)]
    users_project.done("--model", "acme/router", "--examples", str(rows(*told)))
    found = task(users_project)
    assert (found.prompt, found.expected) == (f"{{{prompt}}}", f"{{{completion}}}")
    assert found.scorer.__name__ == "token_f1"
    assert found.slice_by is None
    assert found.max_new_tokens == 64


def test_a_chat_is_asked_by_its_turns(users_project, rows):
    users_project.done("--model", "acme/router", "--examples", str(rows(*CHAT)))
    found = task(users_project)
    assert (found.messages, found.expected) == ("prompt", "{completion[0][content]}")
    examples = found.load(users_project.root / "gates", None)
    assert sorted(examples.expected.values()) == ["1", "2", "3"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows.jsonl"])
def test_every_kind_of_file_becomes_a_task_that_loads(users_project, tmp_path, name):
    text = {
        "rows.csv": "prompt,completion\na?,b\nc?,d\n",
        "rows.json": json.dumps(tickets()),
        "rows.jsonl": lines(*tickets()),
    }
    (tmp_path / name).write_text(text[name])
    users_project.done("--model", "acme/router", "--examples", str(tmp_path / name))
    copy = users_project.root / "gates" / f"examples{(tmp_path / name).suffix}"
    assert copy.read_bytes() == (tmp_path / name).read_bytes()
    assert task(users_project).rows == copy.name


def test_rows_that_lie_among_the_gates_stay_where_they_are(users_project):
    own = users_project.root / "gates" / "data" / 'ours"\n.jsonl'
    own.parent.mkdir(parents=True)
    own.write_text(lines(*tickets()))
    done = users_project.done("--model", "acme/router", "--examples", str(own))
    assert task(users_project).rows == 'data/ours"\n.jsonl'
    assert [file["state"] for file in done["files"] if file["path"].startswith("gates/data")] == ["same"]
    assert {file["state"] for file in users_project.done()["files"]} == {"same"}


BAD = {
    "nothing": ([], "there are no rows"),
    "no object": (["text"], "row 1 is no object"),
    "no columns": ([{"a": 1}], "no columns that say what is asked"),
    "a missing column": ([*tickets(2), {"prompt": "x"}], "line 3: there is no column 'completion'"),
    "an empty prompt": ([*tickets(1), {**tickets(1)[0], "prompt": "  "}], "line 2: the column 'prompt' cannot be used"),
    "an empty answer": ([{**tickets(1)[0], "completion": ""}], "line 1: the column 'completion' cannot be used"),
    "no answer": ([{**tickets(1)[0], "completion": None}], "line 1: the column 'completion' cannot be used"),
    "an answer that is no text": ([{**tickets(1)[0], "completion": True}], "line 1: the column 'completion'"),
    "twice the same": ([*tickets(3), tickets(1)[0]], "line 4: this row is there twice"),
    "a text among chats": (
        [*CHAT, {"prompt": "x", "completion": CHAT[0]["completion"]}],
        "line 4: the column 'prompt'",
    ),
    "a chat among texts": ([*tickets(1), CHAT[0]], "line 2: the column 'prompt'"),
    "a chat that is answered": (
        [{**CHAT[0], "prompt": [{"role": "assistant", "content": "x"}]}],
        "ends with an answer",
    ),
    "a chat with two answers": ([{**CHAT[0], "completion": CHAT[0]["completion"] * 2}], "has 2 turns"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named_by_its_line(users_project, rows, case):
    values, said = BAD[case]
    code, printed = users_project.init("--model", "acme/router", "--examples", str(rows(*values)))
    assert code == 2
    assert said in printed
    assert users_project.files() == {}


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\ufeff" + lines(tickets(1)[0]) + "\n\n" + '{"prompt": "x"}\n', encoding="utf-8")
    with pytest.raises(HubverError, match="line 4: there is no column 'completion'"):
        Examples.read(path)


def test_what_is_too_large_for_a_repository_of_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST", 10)
    with pytest.raises(HubverError, match="too large"):
        read(tmp_path, *tickets())


SLICES = {
    "too few of one": ([{"kind": "a"}] * 8 + [{"kind": "b"}] * 4, None),
    "all the same": ([{"kind": "a"}] * 12, None),
    "a name for each": ([{"kind": str(n)} for n in range(12)], None),
    "the likeliest name first": ([{"other": "ab"[n % 2], "category": "ab"[n % 2]} for n in range(12)], "category"),
    "numbers": ([{"level": n % 2} for n in range(12)], "level"),
    "missing in one row": ([{"kind": "a"}] * 6 + [{"kind": "b"}] * 5 + [{}], None),
    "lists": ([{"kind": ["a"]}] * 6 + [{"kind": ["b"]}] * 6, None),
}


@pytest.mark.parametrize("case", SLICES)
def test_a_column_of_slices_has_a_few_values_that_occur_often(tmp_path, case):
    columns, expected = SLICES[case]
    told = [{"prompt": f"{n}?", "completion": "x", **more} for n, more in enumerate(columns)]
    assert read(tmp_path, *told).slice_by == expected
