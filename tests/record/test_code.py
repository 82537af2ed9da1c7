from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from hubver.record.place.code import of_directory, of_process


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
        ("alice@example.org:o/p.git", "example.org:o/p.git"),
        ("ssh://alice@example.org/o/p.git", "ssh://example.org/o/p.git"),
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


def applied(state, folder, commit=None):
    """What `git apply` makes of the kept patch, on a commit or in an empty folder."""
    folder.mkdir()
    if commit is not None:
        git(folder.parent, "clone", "-q", str(commit), str(folder))
    patch = folder.parent / "code.diff"
    patch.write_bytes(state.diff)
    subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)
    return folder


SCRIPTS = [
    pytest.param(b"print('a')\n", "quick.py", id="plain"),
    pytest.param(b"print('a')", "quick.py", id="no newline at its end"),
    pytest.param(b"", "quick.py", id="empty"),
    pytest.param(b"\n\n", "quick.py", id="only newlines"),
    pytest.param(b"a = 1\r\nb = 2\r\n", "quick.py", id="carriage returns"),
    pytest.param("ü = '→'\n".encode(), "my quick.py", id="a name with a space"),
    pytest.param(b"x\n", 'a"b\\c.py', id="a name with quotes"),
    pytest.param(b"x\n", "schön.py", id="a name beyond ASCII"),
    pytest.param(b"-- x\n+++ b/y\n@@ -1 +1 @@\n", "quick.py", id="lines like those of a patch"),
    pytest.param(b"# \xff is no UTF-8\n", "quick.py", id="bytes that are no text"),
]


@pytest.mark.parametrize(("content", "name"), SCRIPTS)
def test_a_script_that_is_in_no_commit_is_kept(repository, tmp_path, content, name):
    (repository / "src" / name).write_bytes(content)
    (repository / "data.jsonl").write_text("private")
    state = of_process([str(repository / "src" / name)], repository)
    assert (state.code.entry_point, state.code.dirty) == (f"src/{name}", False)
    assert "code.entry_point" in fields(state)
    assert b"private" not in state.diff
    assert (applied(state, tmp_path / "clone", repository) / "src" / name).read_bytes() == content


@pytest.mark.parametrize(("content", "name"), SCRIPTS)
def test_a_script_in_no_repository_is_kept(tmp_path, content, name):
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / name).write_bytes(content)
    state = of_process([str(folder / name)], folder)
    assert (state.code.sha, state.code.entry_point, state.code.directory) == (None, name, ".")
    assert {"code.sha", "code.entry_point"} <= fields(state)
    assert (applied(state, tmp_path / "anew") / name).read_bytes() == content


def test_an_untracked_script_and_changes_to_tracked_files_are_one_patch(repository, tmp_path):
    (repository / "src" / "train.py").write_text("lr = 2\n")
    (repository / "quick.py").write_text("import train\n")
    state = of_process([str(repository / "quick.py")], repository)
    clone = applied(state, tmp_path / "clone", repository)
    assert (clone / "src" / "train.py").read_text() == "lr = 2\n"
    assert (clone / "quick.py").read_text() == "import train\n"
    assert state.code.diff_sha256 == hashlib.sha256(state.diff).hexdigest()


def test_secrets_in_a_kept_script_go_and_that_is_said(repository):
    (repository / "quick.py").write_text("login('hf_" + "a1B2" * 8 + "')\n")
    state = of_process([str(repository / "quick.py")], repository)
    assert b"a1B2" not in state.diff
    assert "code.diff_sha256" in fields(state)


def test_too_large_a_script_is_not_kept(repository):
    (repository / "quick.py").write_text("x = 1\n" * 1_000_000)
    state = of_process([str(repository / "quick.py")], repository)
    assert state.diff is None
    assert "code.diff_sha256" in fields(state)


@pytest.mark.parametrize(
    ("directory", "argument", "where", "shown"),
    [
        pytest.param(".", "{top}/data/a.jsonl", ".", "data/a.jsonl", id="from the top"),
        pytest.param("src", "{top}/data/a.jsonl", "src", "../data/a.jsonl", id="beside where it was started"),
        pytest.param("src", "--data={top}/src/a.jsonl", "src", "--data=a.jsonl", id="below where it was started"),
        pytest.param("src", "/mnt/alice/a.jsonl", "src", "[elsewhere]/a.jsonl", id="elsewhere"),
        pytest.param("..", "{top}/data/a.jsonl", None, "project/data/a.jsonl", id="started outside"),
    ],
)
def test_where_a_run_was_started_and_what_its_paths_are_relative_to(repository, directory, argument, where, shown):
    argv = [str(repository / "src" / "train.py"), argument.format(top=repository)]
    state = of_process(argv, repository / directory)
    assert (state.code.directory, state.code.argv) == (where, (shown,))
    assert ("code.directory" in fields(state)) == (where is None)
    assert ("code.argv" in fields(state)) == shown.startswith("[elsewhere]")


@pytest.mark.parametrize(
    ("module", "file"), [("pkg.train", "pkg/train.py"), ("pkg", "pkg/__main__.py")], ids=["module", "package"]
)
def test_a_module_that_python_ran(repository, module, file):
    (repository / "pkg").mkdir()
    (repository / "pkg" / "__init__.py").write_text("")
    (repository / file).write_text(
        "import sys\nfrom pathlib import Path\nfrom hubver.record.place.code import of_process\n"
        "state = of_process(sys.argv, Path.cwd())\nprint(state.code.model_dump_json())\n"
    )
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "pkg")
    done = subprocess.run(
        [sys.executable, "-m", module, "--lr", "1"], cwd=repository, check=True, capture_output=True, text=True
    )
    code = json.loads(done.stdout)
    assert (code["module"], code["entry_point"], code["argv"]) == (module, file, ["--lr", "1"])


def test_modules_that_were_imported_and_are_in_no_commit_are_named_and_not_kept(repository):
    (repository / "helper.py").write_text("RATE = 1\n")
    (repository / "src" / "train.py").write_text(
        "import sys\nfrom pathlib import Path\nimport helper\nfrom hubver.record.place.code import of_process\n"
        "state = of_process(sys.argv, Path.cwd())\nprint(*state.gaps, (state.diff or b'').decode(), sep='\\n')\n"
    )
    git(repository, "commit", "-qam", "train")
    done = subprocess.run(
        [sys.executable, "src/train.py"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(repository), *filter(None, sys.path)])},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "code.untracked: imported, but in no commit and not kept: helper.py" in done.stdout
    assert "RATE" not in done.stdout


def test_an_installed_command_is_named(tmp_path):
    state = of_process([shutil.which("pytest", path=Path(sys.executable).parent)], tmp_path)
    assert (state.code.command, state.code.entry_point, state.diff) == ("pytest", None, None)


def test_submodules_by_their_commits(repository, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    (library / "rate.py").write_text("RATE = 1\n")
    git(library, "add", "-A")
    git(library, "commit", "-qm", "start")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib/rate")
    git(repository, "commit", "-qm", "submodule")
    state = of_directory(repository)
    assert state.code.submodules == {"lib/rate": git(library, "rev-parse", "HEAD")}
    assert state.gaps == ()
    (repository / "lib" / "rate" / "rate.py").write_text("RATE = 2\n")
    changed = of_directory(repository)
    assert "code.submodules" in fields(changed)
    assert changed.diff is None


class Shell:
    """What a notebook's kernel offers of itself (IPython, `InteractiveShell`)."""

    def __init__(self, cells, **names):
        self.user_ns = {"In": ["", *cells], **names}


def in_notebook(monkeypatch, shell):
    main = types.ModuleType("__main__")
    main.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "__main__", main)


def test_a_notebook_s_cells_are_kept_as_they_ran(repository, tmp_path, monkeypatch):
    in_notebook(monkeypatch, Shell(["lr = 1\n", "", "login('hf_" + "a1B2" * 8 + "')", "train(lr)"]))
    kernel = ["/opt/jupyter/ipykernel_launcher.py", "-f", "/home/alice/.local/kernel-1.json"]
    state = of_process(kernel, repository)
    assert (state.code.entry_point, state.code.argv) == ("notebook-cells.py", ())
    kept = (applied(state, tmp_path / "clone", repository) / "notebook-cells.py").read_text()
    assert kept == "# %%\nlr = 1\n\n# %%\nlogin('[redacted]')\n\n# %%\ntrain(lr)\n"
    assert "code.entry_point" in fields(state)


def test_a_notebook_whose_file_is_known(repository, monkeypatch):
    notebook = repository / "train.ipynb"
    notebook.write_text("{}")
    in_notebook(monkeypatch, Shell(["train()"], __vsc_ipynb_file__=str(notebook)))
    state = of_process(["ipykernel_launcher.py"], repository)
    assert state.code.entry_point == "train.ipynb"
    assert b"+train()\n" in state.diff
