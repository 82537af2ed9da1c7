from __future__ import annotations

import subprocess

import pytest

from hubver.record.code import of_directory, of_process


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, "-C", folder, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "src" / "train.py").write_text("lr = 1\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    return folder


def fields(state) -> set[str]:
    return {gap.field for gap in state.gaps}


def test_a_clean_repository(repository, tmp_path):
    state = of_process([str(repository / "src" / "train.py"), "--lr", "1"], repository)
    assert (state.code.sha, state.code.branch) == (git(repository, "rev-parse", "HEAD"), "main")
    assert (state.code.dirty, state.code.diff_sha256, state.diff, state.code.untracked) == (False, None, None, 0)
    assert (state.code.entry_point, state.code.argv) == ("src/train.py", ("--lr", "1"))
    assert (state.code.directory, state.code.module, state.code.command) == (".", None, None)
    assert state.gaps == ()


def test_changes_are_kept_so_that_they_apply_to_the_commit(repository, tmp_path):
    (repository / "src" / "train.py").write_text("lr = 2\n")
    (repository / "blob.bin").write_bytes(bytes(range(256)))
    git(repository, "add", "blob.bin")
    (repository / "new.py").write_text("")
    state = of_directory(repository)
    assert (state.code.dirty, state.code.untracked) == (True, 1)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    (tmp_path / "code.diff").write_bytes(state.diff)
    git(clone, "apply", "--index", str(tmp_path / "code.diff"))
    assert (clone / "src" / "train.py").read_text() == "lr = 2\n"
    assert (clone / "blob.bin").read_bytes() == bytes(range(256))


def test_a_secret_in_the_changes_goes_and_that_is_said(repository):
    (repository / "src" / "train.py").write_text("login('hf_" + "a1B2" * 8 + "')\n")
    state = of_directory(repository)
    assert b"a1B2" not in state.diff
    assert "code.diff_sha256" in fields(state)


def test_a_script_that_is_not_committed_is_a_gap(repository, tmp_path):
    (repository / "quick.py").write_text("")
    assert "code.entry_point" in fields(of_process([str(repository / "quick.py")], tmp_path))


def test_too_large_a_difference_is_not_kept(repository):
    (repository / "src" / "train.py").write_text("x = 1\n" * 1_000_000)
    state = of_directory(repository)
    assert state.diff is None
    assert "code.diff_sha256" in fields(state)


@pytest.mark.parametrize(
    ("remote", "published"),
    [
        ("https://me:pass@example.org/o/p.git", "https://example.org/o/p.git"),
        ("git@example.org:o/p.git", "git@example.org:o/p.git"),
        ("/home/me/mirrors/p.git", "p.git"),
    ],
)
def test_remotes(repository, remote, published):
    git(repository, "remote", "add", "origin", remote)
    assert of_directory(repository).code.remote == published


def test_no_repository(tmp_path):
    state = of_process([""], tmp_path)
    assert state.code.sha is None
    assert fields(state) == {"code.sha", "code.entry_point"}


def test_a_repository_without_a_commit(tmp_path):
    git(tmp_path, "init", "-q")
    assert fields(of_directory(tmp_path)) == {"code.sha"}


def test_paths_of_this_machine_and_broken_text_do_not_reach_the_record(repository):
    argv = [str(repository / "src" / "train.py"), f"{repository}/data.jsonl", "\udcff"]
    assert of_process(argv, repository).code.argv == ("data.jsonl", "?")
