from __future__ import annotations

import pytest
from dulwich.client import get_transport_and_path
from dulwich.repo import MemoryRepo
from huggingface_hub import CommitOperationAdd
from stock_git import authorised


@pytest.mark.parametrize("suffix", ["", ".git"])
@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_clone_push_fetch(hub, api, git, tmp_path, kind, suffix):
    api.create_repo("acme/thing", repo_type=kind)
    prefix = "datasets/" if kind == "dataset" else ""
    url = f"{authorised(hub.url, hub.token)}/{prefix}acme/thing{suffix}"
    git("clone", "-q", url, "one")
    git("clone", "-q", url, "two")
    pushed = git.commit(tmp_path / "home" / "one", "a.txt", b"a")
    git("push", "-q", "origin", "main", cwd=tmp_path / "home" / "one")
    git("pull", "-q", cwd=tmp_path / "home" / "two")
    assert (tmp_path / "home" / "two" / "a.txt").read_bytes() == b"a"
    assert api.repo_info("acme/thing", repo_type=kind).sha == pushed


def test_commits_over_http_and_git_continue_each_other(api, git, repo, clone, git_dir):
    over_http = api.create_commit(repo, [CommitOperationAdd("a", b"1")], commit_message="http").oid
    git("pull", "-q", cwd=clone)
    assert git("rev-parse", "HEAD", cwd=clone) == over_http
    git.commit(clone, "b", b"2")
    git("push", "-q", "origin", "main", cwd=clone)
    api.create_commit(repo, [CommitOperationAdd("c", b"3")], commit_message="http again")
    assert {f.path for f in api.list_repo_tree(repo)} == {".gitattributes", "a", "b", "c"}
    git("fsck", "--strict", cwd=git_dir)


def test_shallow_clone_and_unshallow(api, git, repo, url, tmp_path):
    for number in range(3):
        api.create_commit(repo, [CommitOperationAdd("a", str(number).encode())], commit_message=str(number))
    git("clone", "-q", "--depth", "1", url, "shallow")
    shallow = tmp_path / "home" / "shallow"
    assert git("rev-list", "--count", "HEAD", cwd=shallow) == "1"
    git("fetch", "-q", "--unshallow", cwd=shallow)
    assert git("rev-list", "--count", "HEAD", cwd=shallow) == "4"


def test_annotated_tag_is_peeled_over_http_and_whole_in_git(api, git, repo, clone, refs):
    api.create_tag(repo, tag="v1", tag_message="the first")
    git("fetch", "-q", "--tags", cwd=clone)
    assert git("cat-file", "-t", "v1", cwd=clone) == "tag"
    assert git("tag", "-l", "--format=%(contents)", "v1", cwd=clone) == "the first"
    git("tag", "-a", "v2", "-m", "the second", cwd=clone)
    git("push", "-q", "origin", "v2", cwd=clone)
    main = api.model_info(repo).sha
    assert {refs()[f"refs/tags/{tag}"] for tag in ("v1", "v2")} == {main}
    assert api.model_info(repo, revision="v2").sha == main


def test_dulwich_fetches(hub, api, repo):
    sha = api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid
    client, path = get_transport_and_path(f"{hub.url}/{repo}", username="anyone", password=hub.token)
    fetched = MemoryRepo()
    assert client.fetch(path, fetched).refs[b"refs/heads/main"] == sha.encode()
    assert b"a" in fetched[fetched[sha.encode()].tree]
    client.pool_manager.clear()


def test_many_haves_arrive_compressed(api, git, repo, clone):
    """Git gzips its request once the list of commits is long."""
    for number in range(60):
        git("commit", "-q", "--allow-empty", "-m", str(number), cwd=clone)
    sha = api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid
    git("fetch", "-q", cwd=clone)
    assert git("rev-parse", "origin/main", cwd=clone) == sha
    git("rebase", "-q", "origin/main", cwd=clone)
    git("push", "-q", "origin", "main", cwd=clone)


def test_partial_clone_becomes_a_whole_one(api, git, repo, url):
    for content in (b"1", b"2"):
        api.create_commit(repo, [CommitOperationAdd("a", content)], commit_message="a")
    git("clone", "-q", "--filter=blob:none", url, "partial")
    partial = git.home / "partial"
    assert (partial / "a").read_bytes() == b"2"
    git("checkout", "-q", "HEAD~1", cwd=partial)
    assert (partial / "a").read_bytes() == b"1"
