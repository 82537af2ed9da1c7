from __future__ import annotations

import json

from dulwich import porcelain

from hubver.demo import runs, workspace
from hubver.settings import Settings


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_project_has_everything_that_a_run_and_a_gate_need(tmp_path):
    project = workspace.create(tmp_path / "router")
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith(".git/")} == {
        ".gitignore",
        "train.py",
        "hubver.toml",
        "data/tickets.jsonl",
        "data/tickets-draft.jsonl",
        "gates/test_quality.py",
        "gates/tickets.jsonl",
    }
    settings = Settings.load(project, environ={})
    assert settings.gates_directory == project / "gates"
    assert all((project / "data" / run.data).is_file() for run in (runs.WEAK, runs.BLIND, runs.GOOD))


def test_the_project_is_committed(tmp_path):
    project = workspace.create(tmp_path / "router")
    status = porcelain.status(str(project))
    assert (status.untracked, status.unstaged) == ([], [])
    assert not any(status.staged.values())


def test_nothing_held_out_was_trained_on(tmp_path):
    project = workspace.create(tmp_path)
    trained = {row["prompt"] for row in read(project / "data" / "tickets.jsonl")}
    held_out = [row["prompt"] for row in read(project / "gates" / "tickets.jsonl")]
    assert len(held_out) == runs.HELD_OUT_ROWS
    assert not trained & set(held_out)


def test_laying_it_out_again_changes_nothing_and_keeps_what_is_there(tmp_path):
    project = workspace.create(tmp_path)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    (project / "notes.txt").write_text("mine")
    workspace.create(tmp_path)
    assert {path: path.read_bytes() for path in before} == before
    assert (project / "notes.txt").read_text() == "mine"
