"""The file on disk: replaced whole or not at all, by one process at a time."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from hubver.errors import BadInput, NotFound
from hubver.locking import file
from hubver.locking.document import LockedModel

SHA = "a" * 40


def model(sha: str = SHA) -> LockedModel:
    return LockedModel(revision="production", sha=sha, record_sha256="b" * 64, files={})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hubver.lock"


def test_what_is_there_already_is_not_written_again(path):
    assert file.change(path, {"acme/a": model()})
    before = path.stat()
    assert not file.change(path, {"acme/a": model()})
    assert not file.change(path, {"acme/b": None})
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_file_that_says_the_same_in_another_form_is_left_as_it_is(path):
    file.change(path, {"acme/a": model()})
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert not file.change(path, {"acme/a": model()})
    assert b"\r\n" in path.read_bytes()


def test_entries_are_added_replaced_and_removed_and_nothing_is_left_beside_the_file(path):
    file.change(path, {"acme/a": model(), "acme/b": model()})
    file.change(path, {"acme/a": model("c" * 40), "acme/b": None})
    assert {name: entry.sha for name, entry in file.read(path).models.items()} == {"acme/a": "c" * 40}
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_may_be_read_as_the_user_s_others_are_and_an_old_one_as_before(path):
    (path.parent / "other").touch()
    file.change(path, {"acme/a": model()})
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode
    path.chmod(0o640)
    file.change(path, {"acme/b": model()})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def link(path):
    path.with_name("elsewhere").write_bytes(b"{}")
    path.symlink_to("elsewhere")


def dangling_link(path):
    path.symlink_to("nowhere")


def read_only(path):
    file.change(path, {"acme/b": model()})
    path.chmod(0o444)


def folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "said", "hint"),
    [
        (link, "is a symbolic link", "elsewhere"),
        (dangling_link, "is a symbolic link", "nowhere"),
        (read_only, "is read-only", "chmod u+w"),
        (folder, "is a folder", None),
    ],
)
def test_what_cannot_be_replaced_is_refused_and_left_as_it_is(path, spoil, said, hint):
    spoil(path)
    before = {entry.name: entry.lstat().st_mtime_ns for entry in path.parent.iterdir()}
    with pytest.raises(BadInput, match=said) as refused:
        file.change(path, {"acme/a": model()})
    assert hint is None or hint in refused.value.hint
    assert {entry.name: entry.lstat().st_mtime_ns for entry in path.parent.iterdir()} == before


def test_a_folder_that_is_not_there_is_named(path):
    with pytest.raises(BadInput, match="There is no folder"):
        file.change(path.parent / "no" / "hubver.lock", {})


def test_a_link_may_be_read(path):
    """A container's configuration is mounted as links."""
    real = path.with_name("real")
    file.change(real, {"acme/a": model()})
    path.symlink_to(real)
    assert list(file.read(path).models) == ["acme/a"]


def test_a_file_that_is_missing_or_is_none_is_named(path):
    with pytest.raises(NotFound, match="There is no lock file"):
        file.read(path)
    path.mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        file.read(path)


def test_several_at_once_lose_no_entry(path):
    """Real processes, that all wait for the same moment."""
    code = """
        import sys
        from hubver.locking import file
        from hubver.locking.document import LockedModel
        from pathlib import Path
        entry = LockedModel(revision="production", sha="a" * 40, record_sha256="b" * 64, files={})
        sys.stdin.read()
        for number in range(10):
            file.change(Path(sys.argv[1]), {f"acme/{sys.argv[2]}-{number}": entry})
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    workers = [subprocess.Popen([*command, name], stdin=subprocess.PIPE) for name in "abcd"]
    for worker in workers:
        worker.stdin.close()
    assert [worker.wait() for worker in workers] == [0] * 4
    assert set(file.read(path).models) == {f"acme/{name}-{number}" for name in "abcd" for number in range(10)}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "Ctrl-C"])
def test_one_that_is_stopped_before_its_rename_leaves_the_old_file(path, how):
    file.change(path, {"acme/old": model()})
    before = path.read_bytes()
    code = """
        import os, sys, threading
        from hubver.locking import file
        from hubver.locking.document import LockedModel
        from pathlib import Path
        def stopped(handle):
            os.kill(os.getpid(), int(sys.argv[2]))
            threading.Event().wait()
        os.fsync = stopped
        entry = LockedModel(revision="production", sha="a" * 40, record_sha256="b" * 64, files={})
        file.change(Path(sys.argv[1]), {"acme/new": entry})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path), str(int(how))], capture_output=True, check=False
    )
    assert done.returncode != 0
    assert path.read_bytes() == before
    if how == signal.SIGINT:
        assert list(path.parent.iterdir()) == [path]
    # What a killed one left neither keeps the next from its work, nor is taken for the file.
    assert file.change(path, {"acme/new": model()})
    assert set(file.read(path).models) == {"acme/old", "acme/new"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only_is_named(path):
    path.parent.chmod(0o555)
    with pytest.raises(BadInput, match="is read-only"):
        file.change(path, {"acme/a": model()})
    path.parent.chmod(0o755)
