"""Tasks by name, from `hubver.toml` or `pyproject.toml`."""

from __future__ import annotations

import dataclasses
import json

import pytest

import hubver.gate.tasks.declared as module
from hubver.errors import BadSettings
from hubver.gate import ChoiceTask, PerplexityTask, Task, json_fields, regex, token_f1
from hubver.gate.backends import LmEvalTask
from hubver.gate.tasks.declared import declared
from hubver.settings import Settings

ROWS = [{"prompt": f"p{index}", "completion": f"c{index}", "queue": "ab"[index % 2], "text": "t"} for index in range(4)]
SHA = "0123456789abcdef0123456789abcdef01234567"


def settings(folder, text, name="hubver.toml"):
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / name).write_text(text, encoding="utf-8")
    return Settings.load(folder, {"HF_HOME": str(folder), "HF_ENDPOINT": "http://127.0.0.1:9"})


FULL = """
[tasks.tickets]
rows = "data/rows.jsonl"
scorer = "token_f1"
slice_by = "queue"
max_new_tokens = 8
stop = ["."]
limit = 3
temperature = 1
samples = 2

[tasks.topics]
kind = "choice"
rows = "data/rows.jsonl"
choices = ["a", "b"]
answer = "queue"
normalise = "bytes"

[tasks.prose]
kind = "perplexity"
rows = "data/rows.jsonl"
text = "{prompt} {completion}"

[tasks.chat]
rows = "data/rows.jsonl"
messages = [{ role = "user", content = "{prompt}" }]
scorer = { name = "regex", pattern = "c[0-9]", mode = "extract" }

[tasks.fields]
rows = "data/rows.jsonl"
scorer = { name = "json_fields", fields = ["a", "b"] }
"""


@pytest.mark.parametrize(
    ("name", "same"),
    [
        (
            "tickets",
            Task(
                "tickets",
                ROWS,
                scorer=token_f1,
                slice_by="queue",
                max_new_tokens=8,
                stop=["."],
                limit=3,
                temperature=1,
                samples=2,
            ),
        ),
        ("topics", ChoiceTask("topics", ROWS, choices=["a", "b"], answer="queue", normalise="bytes")),
        ("prose", PerplexityTask("prose", ROWS, text="{prompt} {completion}")),
        (
            "chat",
            Task("chat", ROWS, messages=[{"role": "user", "content": "{prompt}"}], scorer=regex("c[0-9]", "extract")),
        ),
        ("fields", Task("fields", ROWS, scorer=json_fields("a", "b"))),
    ],
)
def test_a_declared_task_is_the_one_that_python_would_make(tmp_path, name, same):
    chosen = settings(tmp_path, FULL)
    elsewhere = tmp_path / "not" / "here"  # paths are relative to hubver.toml, and not to the gates file
    assert declared(name, chosen).load(elsewhere, chosen) == same.load(tmp_path, chosen)


def test_pyproject_declares_tasks_too(tmp_path):
    chosen = settings(tmp_path, '[tool.hubver.tasks.t]\nrows = "data/rows.jsonl"\n', "pyproject.toml")
    assert declared("t", chosen).load(tmp_path, chosen) == Task("t", ROWS).load(tmp_path, chosen)


def test_datasets_are_pinned_or_locked(tmp_path):
    chosen = settings(
        tmp_path,
        f'[tasks.file]\ndataset = "acme/t@{SHA}"\nfile = "t.csv"\n'
        f'[tasks.split]\ndataset = "acme/t@{SHA}"\nsplit = "test"\nconfig = "en"\n'
        '[tasks.locked]\ndataset = "acme/t@main"\nfile = "t.csv"\nlock = "data/lock.json"\n'
        '[tasks.harness]\nkind = "lm_eval"\ntask = "arc"\ninclude_path = "yaml"\nlimit = 5\n',
    )
    file, split, locked = (declared(name, chosen).rows for name in ("file", "split", "locked"))
    assert (file.pin.repo_id, file.pin.revision, file.path) == ("acme/t", SHA, "t.csv")
    assert (split.split, split.config) == ("test", "en")
    assert locked.pin.lock == str(tmp_path / "data" / "lock.json")
    harness = declared("harness", chosen)
    assert harness == LmEvalTask("harness", task="arc", include_path=tmp_path / "yaml", limit=5)


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ('rows = "r.jsonl"\nprompts = "x"', "prompts", "prompt"),
        ('rows = "r.jsonl"\nkind = "chat"', "kind", "generation, choice, perplexity, lm_eval"),
        ('rows = "r.jsonl"\nlimit = "3"', "limit", "a whole number"),
        ('rows = "r.jsonl"\nlimit = true', "limit", "a whole number"),
        ('rows = "r.jsonl"\nlimit = 0', "t", "a limit of 1 or more"),
        ('rows = "r.jsonl"\nstop = "x"', "stop", "a list"),
        ('rows = "r.jsonl"\nscorer = "exact"', "scorer", "exact_match"),
        ('rows = "r.jsonl"\nscorer = { pattern = "x" }', "scorer", "no scorer None"),
        ('rows = "r.jsonl"\nscorer = { name = "regex" }', "scorer", "pattern"),
        ('rows = "r.jsonl"\nscorer = { name = "regex", pattern = "(" }', "scorer", "is none"),
        ('rows = "r.jsonl"\nscorer = { name = "exact_match", mode = "x" }', "scorer", "no options"),
        ('rows = "r.jsonl"\nscorer = 3', "scorer", "a text or a table"),
        ("", "t", "by nothing"),
        ('rows = "r.jsonl"\ndataset = "a/b"', "t", "by rows, dataset"),
        (f'dataset = "a/b@{SHA}"', "t", "by dataset"),
        ('dataset = "a/b@main"\nfile = "x.csv"', "dataset", "not pinned"),
        ('kind = "choice"\nrows = "r.jsonl"\nscorer = "exact_match"', "scorer", "no such option"),
        ('kind = "lm_eval"\nrows = "r.jsonl"', "rows", "no such option"),
    ],
)
def test_what_cannot_be_used_is_named_with_file_and_key(tmp_path, table, key, said):
    chosen = settings(tmp_path, f"[tasks.t]\n{table}\n[tasks.fine]\nrows = 'data/rows.jsonl'\n")
    with pytest.raises(BadSettings) as caught:
        declared("t", chosen)
    message = f"{caught.value} {caught.value.hint}"
    assert f"[tasks.t] in {tmp_path / 'hubver.toml'} cannot be used" in message
    assert key in message
    assert said in message
    declared("fine", chosen)  # what another table says is nobody's business until it is used


def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    with pytest.raises(BadSettings, match=r"no task 'other' in .*hubver\.toml.*one of chat, fields, prose") as caught:
        declared("other", settings(tmp_path, FULL))
    assert "[tasks.other]" in caught.value.hint


@pytest.mark.parametrize("text", ["tasks = 3", "[tasks]\nt = 3"])
def test_tasks_that_are_no_tables(tmp_path, text):
    with pytest.raises(BadSettings, match="tasks"):
        declared("t", settings(tmp_path, text))


def test_every_option_of_every_kind_has_a_type():
    for kind in module._KINDS.values():
        options = {field.name for field in dataclasses.fields(kind)} - {"name"}
        assert options <= module._TYPES.keys(), kind
