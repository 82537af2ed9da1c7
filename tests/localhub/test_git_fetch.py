from __future__ import annotations

import pytest
from dulwich.client import get_transport_and_path
from dulwich.repo import MemoryRepo
from huggingface_hub import CommitOperationAdd
from stock_git import authorised

from hubver.localhub.repos.refs import MAIN, RefChange, Refs


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


def days(git, clone, count):
    """Push a commit for each of the first days of 2030, and answer their ids."""
    made = []
    for day in range(1, count + 1):
        moment = f"2030-01-{day:02}T12:00:00Z"
        git("commit", "-q", "--allow-empty", "-m", f"day {day}", cwd=clone, GIT_COMMITTER_DATE=moment)
        made.append(git("rev-parse", "HEAD", cwd=clone))
    git("push", "-q", "origin", "main", cwd=clone)
    return made


def count(git, clone):
    return int(git("rev-list", "--count", "HEAD", cwd=clone))


@pytest.mark.parametrize("version", [0, 2])
def test_shallow_clone_and_unshallow(git, clone, url, version):
    days(git, clone, 4)
    speaks = ("-c", f"protocol.version={version}")
    git(*speaks, "clone", "-q", "--depth", "1", url, "shallow")
    shallow = git.home / "shallow"
    assert count(git, shallow) == 1
    git(*speaks, "fetch", "-q", "--depth", "3", cwd=shallow)
    assert count(git, shallow) == 3
    git(*speaks, "fetch", "-q", "--unshallow", cwd=shallow)
    assert count(git, shallow) == 5
    git("fsck", cwd=shallow)


def test_shallow_clone_by_date_by_ref_and_by_steps(git, clone, url):
    made = days(git, clone, 6)
    git("tag", "old", made[1], cwd=clone)
    git("push", "-q", "origin", "old", cwd=clone)
    git("clone", "-q", "--shallow-since=2030-01-05T00:00:00Z", url, "since")
    assert count(git, git.home / "since") == 2
    git("fetch", "-q", "--deepen=1", cwd=git.home / "since")
    assert count(git, git.home / "since") == 3
    git("clone", "-q", "--shallow-exclude=old", url, "excluding")
    assert count(git, git.home / "excluding") == 4
    git("fetch", "-q", "--depth=1", cwd=git.home / "excluding")
    assert count(git, git.home / "excluding") == 1
    late = git.run("clone", "--shallow-since=2031-01-01T00:00:00Z", url, "late")
    assert late.returncode != 0
    assert "no commits selected for shallow requests" in late.stderr
    for name in ("since", "excluding"):
        git("fsck", cwd=git.home / name)


def test_shallow_clone_is_pushed_from(api, git, repo, clone, url):
    days(git, clone, 3)
    git("clone", "-q", "--depth", "1", url, "shallow")
    pushed = git.commit(git.home / "shallow", "a", b"a")
    git("push", "-q", "origin", "main", cwd=git.home / "shallow")
    assert api.model_info(repo).sha == pushed
    git("pull", "-q", cwd=clone)
    assert git("rev-parse", "HEAD", cwd=clone) == pushed


def test_fetch_brings_new_objects_alone(api, git, repo, clone):
    """Of two branches that grew apart, each side has commits that the other lacks."""
    api.create_commit(repo, [CommitOperationAdd("a", b"a" * 1000)], commit_message="a")
    git("fetch", "-q", cwd=clone)
    git.commit(clone, "mine", b"mine")
    before = len(git("cat-file", "--batch-all-objects", "--batch-check", cwd=clone).splitlines())
    api.create_commit(repo, [CommitOperationAdd("b", b"b")], commit_message="b")
    api.create_tag(repo, tag="v1", tag_message="annotated")
    git("fetch", "-q", cwd=clone)
    after = len(git("cat-file", "--batch-all-objects", "--batch-check", cwd=clone).splitlines())
    assert after - before == 4  # commit, tree, file, and the tag that came along
    assert git("cat-file", "-t", "v1", cwd=clone) == "tag"
    git("fsck", "--strict", cwd=clone)


def test_five_thousand_tags(hub, git, repo, url, git_dir):
    refs = Refs(git_dir)
    main = refs.read()[MAIN].target
    refs.update([RefChange(f"refs/tags/t{number}", None, main) for number in range(5000)], lambda oid: oid)
    assert len(git("ls-remote", url).splitlines()) == 5002
    assert git("ls-remote", url, "refs/tags/t4999") == f"{main}\trefs/tags/t4999"
    assert git("ls-remote", "--symref", url, "HEAD") == f"ref: {MAIN}\tHEAD\n{main}\tHEAD"
    git("clone", "-q", url, "clone")
    assert len(git("tag", cwd=git.home / "clone").splitlines()) == 5000


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
