"""Stock git-lfs. It knows basic transfers alone: parts are the Hub's own kind, which its Python and JavaScript clients speak."""

from __future__ import annotations

import hashlib
import os

import pytest
from huggingface_hub import HfApi
from stock_git import authorised
from tools import needs

from hubver.localhub.large.pointers import Pointer

LARGE = os.urandom(11 * 2**20)


@pytest.fixture
def lfs(git):
    needs("git-lfs")
    git("lfs", "install", "--skip-repo")
    return git


@pytest.fixture
def url(hub, repo):
    return f"{authorised(hub.url, hub.token)}/{repo}"


@pytest.fixture
def clone(lfs, url):
    lfs("clone", "-q", url, "clone")
    return lfs.home / "clone"


def oid(content):
    return hashlib.sha256(content).hexdigest()


def kept(clone, content):
    """Where git-lfs keeps an object."""
    name = oid(content)
    return clone / ".git/lfs/objects" / name[:2] / name[2:4] / name


def test_tracked_files_are_pushed_and_cloned(api, lfs, repo, url, clone):
    lfs("lfs", "track", "*.weights", cwd=clone)
    lfs("add", ".gitattributes", cwd=clone)
    files = {"model.weights": LARGE, "sub/model.safetensors": b"small", "a.txt": b"a"}
    for path, content in files.items():
        lfs.commit(clone, path, content)
    lfs("push", "-q", "origin", "main", cwd=clone)
    shown = {f.path: f for f in api.list_repo_tree(repo, recursive=True) if hasattr(f, "lfs")}
    assert shown["model.weights"].lfs.sha256 == oid(LARGE)
    assert shown["a.txt"].lfs is None
    lfs("clone", "-q", url, "other")
    assert {path: (lfs.home / "other" / path).read_bytes() for path in files} == files
    lfs("lfs", "fsck", cwd=lfs.home / "other")


def test_file_over_the_limit_is_refused_until_it_is_migrated(api, lfs, repo, clone):
    lfs.commit(clone, "model.weights", LARGE)
    refused = lfs.run("push", "origin", "main", cwd=clone)
    assert refused.returncode != 0
    assert "files larger than 10 MiB" in refused.stderr
    lfs("lfs", "migrate", "import", "--yes", "--include=*.weights", "--everything", cwd=clone)
    lfs("push", "-q", "--force", "origin", "main", cwd=clone)
    assert api.get_paths_info(repo, "model.weights")[0].lfs.sha256 == oid(LARGE)


def test_smudging_can_wait(lfs, url, clone):
    lfs.commit(clone, "a.safetensors", b"weights")
    lfs("push", "-q", "origin", "main", cwd=clone)
    lfs("clone", "-q", url, "light", GIT_LFS_SKIP_SMUDGE="1")
    file = lfs.home / "light" / "a.safetensors"
    assert file.read_bytes() == bytes(Pointer(oid(b"weights"), 7))
    lfs("lfs", "pull", "--include=a.safetensors", cwd=lfs.home / "light")
    assert file.read_bytes() == b"weights"


def test_what_python_has_uploaded_is_pulled(api, lfs, repo, clone):
    api.upload_file(path_or_fileobj=LARGE, path_in_repo="sub/model.bin", repo_id=repo)
    lfs("pull", "-q", cwd=clone)
    assert (clone / "sub" / "model.bin").read_bytes() == LARGE
    assert oid(LARGE)[:10] in lfs("lfs", "ls-files", cwd=clone)


def test_pointer_without_its_object_is_refused(api, lfs, repo, clone):
    lfs.commit(clone, "a.safetensors", os.urandom(100))
    refused = lfs.run("push", "--no-verify", "origin", "main", cwd=clone)
    assert refused.returncode != 0
    assert "an LFS pointer pointed to a file that does not exist" in refused.stderr
    assert len(api.list_repo_commits(repo)) == 1
    lfs("push", "-q", "origin", "main", cwd=clone)
    assert len(api.list_repo_commits(repo)) == 2


def test_object_that_was_lost_here_is_told_before_the_push(api, lfs, repo, clone):
    content = os.urandom(100)
    lfs.commit(clone, "a.safetensors", content)
    kept(clone, content).unlink()
    (clone / "a.safetensors").unlink()
    refused = lfs.run("push", "origin", "main", cwd=clone)
    assert refused.returncode != 0
    assert oid(content) in refused.stderr
    assert len(api.list_repo_commits(repo)) == 1


@pytest.mark.parametrize("who", ["reader", "rival", "stranger"])
def test_who_may_not_push(hub, api, lfs, repo, clone, who):
    lfs.commit(clone, "a.safetensors", os.urandom(100))
    tokens = {"reader": hub.add_user("acme", write=False), "rival": hub.add_user("rival"), "stranger": "hf_wrong"}
    refused = lfs.run("push", f"{authorised(hub.url, tokens[who])}/{repo}", "main", cwd=clone)
    assert refused.returncode != 0
    assert len(api.list_repo_commits(repo)) == 1


def test_private_repo_gives_its_objects_to_readers_alone(hub, api, lfs, name):
    content = b"\0" + os.urandom(100)
    api.create_repo(name, private=True)
    api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=name)
    reader = authorised(hub.url, hub.add_user("acme", write=False))
    lfs("clone", "-q", f"{reader}/{name}", "mine")
    assert (lfs.home / "mine" / "a.bin").read_bytes() == content
    lfs("clone", "-q", f"{reader}/{name}", "other", GIT_LFS_SKIP_SMUDGE="1")
    rival = authorised(hub.url, hub.add_user("rival"))
    lfs("remote", "set-url", "origin", f"{rival}/{name}", cwd=lfs.home / "other")
    assert lfs.run("lfs", "pull", cwd=lfs.home / "other").returncode != 0


def test_objects_are_checked_against_their_name(hub, lfs, repo, clone):
    """An upload whose bytes are not those announced is refused, and so is its commit."""
    content = os.urandom(100)
    lfs.commit(clone, "a.safetensors", content)
    kept(clone, content).chmod(0o600)
    kept(clone, content).write_bytes(content[::-1])
    assert lfs.run("-c", "lfs.transfer.maxretries=1", "push", "origin", "main", cwd=clone).returncode != 0
    assert not (hub.root / "models" / repo / "large").exists()


def test_pull_request_takes_large_files(hub, api, lfs, repo):
    """Also of a user who may not write to the repo."""
    rival = hub.add_user("rival")
    pull = HfApi(endpoint=hub.url, token=rival).create_pull_request(repo, title="Better")
    content = os.urandom(1000)
    lfs("clone", "-q", f"{authorised(hub.url, rival)}/{repo}", "clone")
    lfs.commit(lfs.home / "clone", "a.safetensors", content)
    lfs("push", "-q", "origin", f"HEAD:refs/pr/{pull.num}", cwd=lfs.home / "clone")
    shown = api.get_paths_info(repo, "a.safetensors", revision=f"refs/pr/{pull.num}")
    assert shown[0].lfs.sha256 == oid(content)


def test_locking_is_not_offered(lfs, clone):
    """git-lfs takes 404 for an answer, and does not ask its user to turn anything off."""
    assert lfs.run("lfs", "lock", "a.safetensors", cwd=clone).returncode != 0
    lfs.commit(clone, "a.safetensors", os.urandom(100))
    pushed = lfs.run("push", "origin", "main", cwd=clone)
    assert (pushed.returncode, "lock" in pushed.stderr.lower()) == (0, False)
