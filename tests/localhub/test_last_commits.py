"""Which commit changed a path last, held against what git says."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def history(git, clone):
    """A history with changes, deletions, a folder that was a file, and merges."""
    chance = random.Random(0)
    for turn in range(3):
        git("checkout", "-q", "-b", f"side{turn}", "main", cwd=clone)
        for branch in (f"side{turn}", "main"):
            git("checkout", "-q", branch, cwd=clone)
            for _ in range(4):
                name = f"{branch[0]}{chance.randrange(3)}/{chance.randrange(3)}.txt"
                (clone / name).parent.mkdir(exist_ok=True)
                git.commit(clone, name, b"%d" % chance.randrange(10**9))
        git("merge", "-q", "-m", "merge", f"side{turn}", cwd=clone)
    git.commit(clone, "was", b"a file")
    (clone / "was").unlink()
    (clone / "was").mkdir()
    git.commit(clone, "was/folder.txt", b"in a folder now")
    git.commit(clone, "same.txt", b"one")
    git.commit(clone, "same.txt", b"two")
    git.commit(clone, "same.txt", b"one")
    git("push", "-q", "origin", "main", cwd=clone)
    return clone


def test_last_commits_are_those_of_git(api, repo, git, history):
    listed = list(api.list_repo_tree(repo, recursive=True, expand=True))
    assert len(listed) > 15
    told = {entry.path: entry.last_commit.oid for entry in listed}
    assert told == {path: git("log", "-1", "--format=%H", "--", path, cwd=history) for path in told}
    assert len(set(told.values())) > 8
    some = api.get_paths_info(repo, ["same.txt", "was", "nowhere"], expand=True)
    assert {entry.path: entry.last_commit.oid for entry in some} == {path: told[path] for path in ("same.txt", "was")}
