from __future__ import annotations

import pytest
from scaffolds import UsersProject, checkout, lines


@pytest.fixture
def users_project(tmp_path, monkeypatch, capsys) -> UsersProject:
    root = checkout(tmp_path / "router-training")
    monkeypatch.chdir(root)
    return UsersProject(root, capsys)


@pytest.fixture
def rows(tmp_path):
    """Writes a file of rows outside of the project."""

    def write(*values, name="held-out.jsonl"):
        path = tmp_path / name
        path.write_text(lines(*values), encoding="utf-8")
        return path

    return write
