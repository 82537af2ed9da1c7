"""The code that ran is fetched by real git, and nobody's address starts a program."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hubver.errors import BadInput, NotFound
from hubver.reproduce.code import fetch_code
from hubver.reproduce.plan import Source

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        [*command, "-c", "protocol.file.allow=always", *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("first\n", encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def fetched(tmp_path, **parts) -> Path:
    fetch_code(
        Source(**{"remote": None, "sha": None, "diff": None, "submodules": {}, **parts}), tmp_path / "code", print
    )
    return tmp_path / "code"


def test_the_commit_that_ran_and_not_the_newest(repository, tmp_path):
    sha = git(repository, "rev-parse", "HEAD")
    (repository / "train.py").write_text("later\n", encoding="utf-8")
    git(repository, "commit", "-qam", "later")
    code = fetched(tmp_path, remote=str(repository), sha=sha)
    assert (code / "train.py").read_text(encoding="utf-8") == "first\n"


def test_a_commit_that_the_server_does_not_give_by_itself(repository, tmp_path):
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "false")
    git(repository, "config", "uploadpack.allowReachableSHA1InWant", "false")
    git(repository, "config", "protocol.version", "0")
    sha = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    assert (fetched(tmp_path, remote=f"file://{repository}", sha=sha) / "train.py").is_file()


def test_uncommitted_changes_are_applied(repository, tmp_path):
    sha = git(repository, "rev-parse", "HEAD")
    (repository / "train.py").write_text("changed\n", encoding="utf-8")
    (repository / "picture.bin").write_bytes(bytes(range(256)))
    git(repository, "add", "-A")
    diff = subprocess.run(["git", "-C", repository, "diff", "--binary", "HEAD"], capture_output=True, check=True).stdout
    code = fetched(tmp_path, remote=str(repository), sha=sha, diff=diff)
    assert (code / "train.py").read_text(encoding="utf-8") == "changed\n"
    assert (code / "picture.bin").read_bytes() == bytes(range(256))


NEW_FILE = b"""diff --git a/train.py b/train.py
new file mode 100644
--- /dev/null
+++ b/train.py
@@ -0,0 +1 @@
+alone
"""


def test_code_that_stands_in_the_difference_alone(tmp_path):
    assert (fetched(tmp_path, diff=NEW_FILE) / "train.py").read_text(encoding="utf-8") == "alone\n"


@pytest.mark.parametrize("path", ["../escaped.py", "/tmp/escaped.py", ".git/hooks/post-checkout"])
def test_a_difference_does_not_leave_the_folder(tmp_path, path):
    with pytest.raises(BadInput, match="do not apply"):
        fetched(tmp_path, diff=NEW_FILE.replace(b"train.py", path.encode()))
    assert not (tmp_path / "escaped.py").exists()


def test_a_difference_that_does_not_apply_is_said(repository, tmp_path):
    diff = b"diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-other\n+words\n"
    with pytest.raises(BadInput, match=r"run/code\.diff"):
        fetched(tmp_path, remote=str(repository), sha=git(repository, "rev-parse", "HEAD"), diff=diff)


@pytest.mark.parametrize("remote", ["ext::sh -c touch% {mark}", "file:///nowhere", "--upload-pack=touch {mark}"])
def test_an_address_starts_no_program(tmp_path, remote):
    mark = tmp_path / "mark"
    with pytest.raises(NotFound, match="cannot be had"):
        fetched(tmp_path, remote=remote.format(mark=mark), sha="a" * 40)
    assert not mark.exists()


def test_submodules_are_at_their_commits(repository, tmp_path, monkeypatch):
    # git refuses submodules from folders unless it is told otherwise (CVE-2022-39253).
    for name, value in {"COUNT": "1", "KEY_0": "protocol.file.allow", "VALUE_0": "always"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    above = tmp_path / "above"
    above.mkdir()
    git(above, "init", "-q")
    git(above, "submodule", "--quiet", "add", str(repository), "lib")
    git(above, "commit", "-qm", "with lib")
    inner = git(repository, "rev-parse", "HEAD")
    outer = git(above, "rev-parse", "HEAD")
    code = fetched(tmp_path, remote=str(above), sha=outer, submodules={"lib": inner})
    assert (code / "lib" / "train.py").is_file()
    with pytest.raises(NotFound, match="submodule lib"):
        fetched(tmp_path / "again", remote=str(above), sha=outer, submodules={"lib": "b" * 40})
