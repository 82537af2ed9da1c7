from __future__ import annotations

import json

import pytest

from hubver.errors import BadInput, NotFound
from hubver.gate import Task, json_match
from hubver.settings import Settings

SETTINGS = Settings(endpoint="http://127.0.0.1:9")
ROWS = [{"prompt": f"p{index}", "completion": f"c{index}", "queue": "ab"[index % 2]} for index in range(6)]


def test_rows_from_memory_jsonl_and_json_are_the_same_task(tmp_path):
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n")
    (tmp_path / "rows.json").write_text(json.dumps(ROWS[::-1], indent=1))
    memory = Task("t", ROWS, slice_by="queue").load(tmp_path, SETTINGS)
    assert Task("t", "rows.jsonl", slice_by="queue").load(tmp_path, SETTINGS) == memory
    assert Task("t", "rows.json", slice_by="queue").load(tmp_path, SETTINGS).digest == memory.digest
    prompts = {name: request.prompt for name, (request,) in memory.requests.items()}
    assert sorted(prompts.values()) == [f"p{index}" for index in range(6)]
    assert all(memory.expected[name] == "c" + prompt[1:] for name, prompt in prompts.items())
    assert all(memory.slices[name] == "ab"[int(prompt[1:]) % 2] for name, prompt in prompts.items())


def half(prediction, expected):
    return 0.5


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": ROWS[:5]},
        {"rows": [*ROWS[:5], {**ROWS[5], "completion": "other"}]},
        {"prompt": "Q: {prompt}"},
        {"expected": "{queue}"},
        {"scorer": half},
        {"scorer": json_match("queue")},
        {"slice_by": "queue"},
        {"max_new_tokens": 65},
        {"limit": 3},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_changes_the_numbers_changes_the_digest(tmp_path, changed):
    plain = Task("t", ROWS).load(tmp_path, SETTINGS)
    other = Task("t", **{"rows": ROWS, **changed}).load(tmp_path, SETTINGS)
    assert other.digest != plain.digest


def test_the_limit_takes_the_same_examples_in_any_order(tmp_path):
    some = Task("t", ROWS, limit=3).load(tmp_path, SETTINGS)
    assert len(some.requests) == 3
    assert Task("t", ROWS[::-1], limit=3).load(tmp_path, SETTINGS) == some


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jsonl", "\n", "no rows"),
        ("empty.json", "[]", "no rows"),
        ("object.json", "{}", "list of objects"),
        ("list.jsonl", "[1]\n", "row 1 is no object"),
        ("broken.jsonl", '{"prompt": "a", "completion": "b"}\n{"prompt"', "line 2"),
        ("twice.jsonl", '{"prompt": "a", "prompt": "b", "completion": "c"}', "'prompt' occurs twice"),
        ("same.jsonl", '{"prompt": "a", "completion": "b"}\n' * 2, "Row 2 .* there twice"),
        ("nan.jsonl", '{"prompt": "a", "completion": NaN}', "no JSON"),
        ("missing.jsonl", '{"prompt": "a"}', "column 'completion'"),
        ("null.jsonl", '{"prompt": "a", "completion": null}', "column 'completion'"),
        ("blank.jsonl", '{"prompt": " ", "completion": "b"}', "empty prompt"),
        ("rows.csv", "prompt,completion\n", "no rows"),
        ("rows.xml", "<rows/>", "cannot be read"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=message):
        Task("t", name).load(tmp_path, SETTINGS)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"no file .*rows\.jsonl"):
        Task("t", "rows.jsonl").load(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "{missing}"}, "column 'missing'"),
        ({"prompt": '{"a": {prompt}}'}, "write {{"),
        ({"prompt": "{}"}, "column ''"),
        ({"slice_by": "missing"}, "column 'missing'"),
    ],
)
def test_templates_that_cannot_be_filled_are_named(tmp_path, options, message):
    with pytest.raises(BadInput) as caught:
        Task("t", ROWS, **options).load(tmp_path, SETTINGS)
    assert message in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("row", "options", "columns", "hint"),
    [
        ({"prompt": "a", "target": "b"}, {}, "prompt, target", 'Task(expected="{target}")'),
        ({"question": "a", "completion": "b"}, {}, "question, completion", 'Task(prompt="{question}")'),
        (
            {"prompt": "a", "completion": "b", "kind": "c"},
            {"slice_by": "queue"},
            "prompt, completion, kind",
            'Task(slice_by="kind")',
        ),
    ],
)
def test_a_missing_column_is_answered_with_those_there_are(tmp_path, row, options, columns, hint):
    with pytest.raises(BadInput, match=f"its columns are {columns}") as caught:
        Task("t", [row], **options).load(tmp_path, SETTINGS)
    assert caught.value.hint.endswith(hint)


@pytest.mark.parametrize("options", [{"max_new_tokens": 0}, {"limit": 0}, {"rows": "acme/tickets@main"}])
def test_tasks_that_make_no_sense_are_refused_at_once(options):
    with pytest.raises(BadInput):
        Task("t", **{"rows": ROWS, **options})
