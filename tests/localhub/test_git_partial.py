"""Clones of which some contents come later, and what the server gives out for them."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from stock_git import authorised

from hubver.localhub import LocalHub, Switches
from hubver.localhub.git.selection import Filter

FILES = {"a.txt": b"a", "big.txt": b"x" * 5000, "sub/b.txt": b"b", "sub/deep/c.txt": b"c"}


@pytest.fixture
def filled(api, repo):
    for number in range(2):
        operations = [CommitOperationAdd(path, content + str(number).encode()) for path, content in FILES.items()]
        api.create_commit(repo, operations, commit_message=str(number))
    return repo


def present(git, clone):
    """The paths of the objects that came, and how many of each type."""
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)", cwd=clone).split()
    return {kind: listed.count(kind) for kind in set(listed)}


# Both commits on top of the first one, each with three trees, and four files besides `.gitattributes`.
ARRIVING = {
    "blob:none": {"commit": 3, "tree": 7},
    "tree:0": {"commit": 3},
    "tree:1": {"commit": 3, "tree": 3},
    "blob:limit=1k": {"commit": 3, "tree": 7, "blob": 6},
    "blob:limit=10000": {"commit": 3, "tree": 7, "blob": 9},
    "combine:tree:2+blob:none": {"commit": 3, "tree": 5},
}


@pytest.mark.parametrize(("spec", "arriving"), ARRIVING.items(), ids=ARRIVING)
def test_filter_leaves_out_what_it_says(git, filled, url, spec, arriving):
    git("clone", "-q", "--bare", f"--filter={spec}", url, "partial")
    assert present(git, git.home / "partial") == arriving


@pytest.mark.parametrize("spec", ["blob:none", "tree:0", "blob:limit=1k"])
def test_what_was_left_out_comes_at_checkout(git, filled, url, spec):
    git("clone", "-q", f"--filter={spec}", "--no-checkout", url, "partial")
    partial = git.home / "partial"
    git("checkout", "-q", "main", cwd=partial)
    assert {path: (partial / path).read_bytes() for path in FILES} == {p: c + b"1" for p, c in FILES.items()}
    git("checkout", "-q", "HEAD~1", cwd=partial)
    assert (partial / "sub/deep/c.txt").read_bytes() == b"c0"
    git("fsck", cwd=partial)
    assert git("status", "--short", cwd=partial) == ""


def test_sparse_checkout_fetches_its_folder_alone(git, filled, url):
    git("clone", "-q", "--filter=blob:none", "--sparse", url, "partial")
    partial = git.home / "partial"
    git("sparse-checkout", "set", "sub/deep", cwd=partial)
    assert sorted(path.name for path in partial.rglob("*.txt")) == ["a.txt", "b.txt", "big.txt", "c.txt"]
    missing = git("rev-list", "--objects", "--all", "--missing=print", cwd=partial)
    assert missing.count("?") == 4


def test_partial_clone_goes_on(api, git, filled, url):
    """New commits come without their files too, and one made here is pushed although its parent's files are missing."""
    git("clone", "-q", "--filter=blob:none", "--no-checkout", url, "partial")
    partial = git.home / "partial"
    api.create_commit(filled, [CommitOperationAdd("new.txt", b"new")], commit_message="new")
    git("pull", "-q", "--ff-only", cwd=partial)
    assert (partial / "new.txt").read_bytes() == b"new"
    pushed = git.commit(partial, "mine.txt", b"mine")
    git("push", "-q", "origin", "main", cwd=partial)
    assert api.model_info(filled).sha == pushed


def test_single_commit_is_fetched_by_its_id(git, api, filled, url):
    """Also one that is on no branch any more."""
    lost = api.create_commit(filled, [CommitOperationAdd("x", b"x")], commit_message="x", revision="main").oid
    api.super_squash_history(filled)
    git("init", "-q", "one")
    git("fetch", "-q", "--depth=1", url, lost, cwd=git.home / "one")
    assert git("show", "FETCH_HEAD:x", cwd=git.home / "one") == "x"


def test_hub_may_refuse_single_objects(tmp_path, git):
    """The Hub makes partial clones, and was seen to answer without a pack when they ask for what was left out."""
    with LocalHub(tmp_path / "hub", switches=Switches(fetch_any_object=False)) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
        url = f"{authorised(hub.url, hub.token)}/acme/router"
        git("clone", "-q", "--filter=blob:none", "--no-checkout", url, "partial")
        done = git.run("checkout", "main", cwd=git.home / "partial")
        assert done.returncode != 0
        assert "expected 'packfile'" in done.stderr
        git("clone", "-q", url, "whole")


def test_old_clients_get_whole_clones(git, filled, url):
    git("-c", "protocol.version=0", "clone", "-q", "--bare", "--filter=blob:none", url, "whole")
    assert present(git, git.home / "whole")["blob"] == 9


def test_object_that_is_not_there_is_told(git, filled, url):
    git("init", "-q", "one")
    done = git.run("fetch", url, "1" * 40, cwd=git.home / "one")
    assert done.returncode != 0
    assert f"not our ref {'1' * 40}" in done.stderr


def test_filter_that_is_not_known_is_told(git, filled, url):
    git("init", "-q", "one")
    git("remote", "add", "origin", url, cwd=git.home / "one")
    done = git.run("fetch", "--filter=object:type=blob", "origin", cwd=git.home / "one")
    assert done.returncode != 0
    assert "unknown filter 'object:type=blob'" in done.stderr


@pytest.mark.parametrize("spec", ["", "blob", "blob:limit=", "blob:limit=-1", "blob:limit=k", "tree:x", "sparse:oid=1"])
def test_malformed_filter(spec):
    with pytest.raises(ValueError, match=r"filter|number"):
        Filter.parse(spec)


def test_ten_thousand_files(api, git, repo, url, clone):
    files = "".join(f"M 644 inline d{n % 100}/{n}.txt\ndata {len(str(n))}\n{n}\n" for n in range(10_000))
    commit = f"commit refs/heads/many\ncommitter dev <dev@example.org> 1900000000 +0000\ndata 4\nmany\n{files}"
    git("fast-import", "--quiet", cwd=clone, stdin=commit)
    git("push", "-q", "origin", "many", cwd=clone)
    assert len(list(api.list_repo_tree(repo, "d7", revision="many"))) == 100
    git("clone", "-q", "--bare", "--single-branch", "--branch=many", url, "whole")
    assert present(git, git.home / "whole") == {"commit": 1, "tree": 101, "blob": 10_000}
