"""What is left of large files when a Hub starts again: what repos have, and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from xet_client import UPLOAD, disk, download, random_bytes, run_client, stored

from hubver.localhub import LocalHub
from hubver.localhub.large.pointers import Pointer

REPO = "acme/router"
SECRET, SHARED = random_bytes(5000, seed=1), random_bytes(6000, seed=2)


@pytest.fixture
def restart(tmp_path):
    """Serve the same folder anew, at the same address, each time it is called; answer the Hub."""
    running = []

    def again():
        port = 0
        if running:
            hub = running.pop()
            port = int(hub.url.rpartition(":")[2])
            hub.__exit__(None, None, None)
        running.append(LocalHub(tmp_path / "hub", port=port))
        return running[0].__enter__()

    yield again
    running.pop().__exit__(None, None, None)


def client(hub):
    return HfApi(endpoint=hub.url, token=hub.token)


def add(hub, repo, content, path="w.bin"):
    client(hub).create_commit(repo, [CommitOperationAdd(path, content)], commit_message="weights")


def served(hub, repo, path="w.bin"):
    return get_session().get(f"{hub.url}/{repo}/resolve/main/{path}")


def test_objects_of_deleted_repos_go_and_others_stay(restart):
    hub = restart()
    for name in ("gone", "kept", "copy"):
        client(hub).create_repo(f"acme/{name}")
    add(hub, "acme/gone", SECRET)
    add(hub, "acme/kept", SHARED)
    add(hub, "acme/gone", SHARED, "other.bin")
    # A pointer alone, as whoever copies by git has it.
    shared = Pointer(hashlib.sha256(SHARED).hexdigest(), len(SHARED))
    add(hub, "acme/copy", bytes(shared), "copied.txt")
    client(hub).delete_repo("acme/gone")
    client(hub).delete_repo("acme/kept")
    assert len(stored(hub)) == 2
    hub = restart()
    assert [*stored(hub).values()] == [len(SHARED)]
    assert served(hub, "acme/copy", "copied.txt").content == SHARED


def test_moved_repos_keep_theirs(restart):
    hub = restart()
    client(hub).create_repo(REPO)
    add(hub, REPO, SECRET)
    client(hub).move_repo(REPO, "acme/renamed")
    hub = restart()
    assert served(hub, "acme/renamed").content == SECRET


def test_chunks_go_with_the_last_file_of_them(restart, tmp_path):
    hub, folder = restart(), tmp_path / "folder"
    folder.mkdir()
    shared, own = random_bytes(2 * 10**6), random_bytes(2 * 10**6, seed=2)
    (folder / "a.bin").write_bytes(shared)
    run_client(hub, tmp_path / "home", UPLOAD, folder)
    (folder / "a.bin").unlink()
    (folder / "b.bin").write_bytes(shared + own)
    run_client(hub, tmp_path / "home", UPLOAD, folder)

    held = {file.filename: file for file in client(hub).list_lfs_files(REPO)}
    client(hub).permanently_delete_lfs_files(REPO, [held["a.bin"]])
    hub = restart()
    assert disk(hub) > len(shared + own)
    assert download(hub, tmp_path / "one")["b.bin"] == shared + own

    client(hub).permanently_delete_lfs_files(REPO, [held["b.bin"]])
    hub = restart()
    assert {name.split("/")[1] for name in stored(hub)} == {"id"}
    # The client remembers what it has sent to this address, and must not be believed.
    (folder / "b.bin").rename(folder / "c.bin")
    run_client(hub, tmp_path / "home", UPLOAD, folder)
    assert download(hub, tmp_path / "two")["c.bin"] == shared + own


def test_nothing_to_remove_leaves_the_address_alone(restart, tmp_path):
    hub, folder = restart(), tmp_path / "folder"
    folder.mkdir()
    (folder / "a.bin").write_bytes(random_bytes(10**6))
    run_client(hub, tmp_path / "home", UPLOAD, folder)
    before = stored(hub), (hub.root / "xet" / "id").read_text()
    hub = restart()
    assert (stored(hub), (hub.root / "xet" / "id").read_text()) == before
