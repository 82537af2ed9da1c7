from __future__ import annotations

import os

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from raw_push import ZERO, new_commit, push_with_dulwich
from stock_git import authorised

from hubver.localhub import LocalHub, Switches
from hubver.localhub.repos.refs import MAIN


def test_branch_is_made_moved_and_deleted_without_new_objects(api, git, repo, clone, refs):
    first = git("rev-parse", "HEAD", cwd=clone)
    second = git.commit(clone, "a", b"a")
    git("push", "-q", "origin", "main", "main:refs/heads/production", cwd=clone)
    git("push", "-q", "--force", "origin", f"{first}:refs/heads/production", cwd=clone)
    assert refs() == {MAIN: second, "refs/heads/production": first}
    git("push", "-q", "origin", ":production", cwd=clone)
    assert refs() == {MAIN: second}


REFUSED = {
    "deletes main": ":refs/heads/main",
    "outside of branches and tags": "HEAD:refs/notes/x",
    "pull request that is not there": "HEAD:refs/pr/9",
    "name that cannot stand beside another": "HEAD:refs/heads/main/sub",
}


@pytest.mark.parametrize("spec", REFUSED.values(), ids=REFUSED.keys())
def test_refused_push_moves_nothing(api, git, repo, clone, spec, refs):
    before = refs()
    done = git.run("push", "origin", spec, cwd=clone)
    assert done.returncode != 0
    assert "remote rejected" in done.stderr
    assert refs() == before


def test_not_a_fast_forward_needs_force(api, git, repo, clone, refs):
    git("commit", "-q", "--amend", "-m", "other", cwd=clone)
    assert git.run("push", "origin", "main", cwd=clone).returncode != 0
    git("push", "-q", "--force", "origin", "main", cwd=clone)
    assert refs()[MAIN] == git("rev-parse", "HEAD", cwd=clone)


def test_lease_is_held_to(api, git, repo, clone, refs):
    api.create_branch(repo, branch="production")
    git("fetch", "-q", cwd=clone)
    seen = git("rev-parse", "origin/production", cwd=clone)
    other = git.commit(clone, "a", b"a")
    git("push", "-q", "origin", "HEAD:production", cwd=clone)
    stale = git.run(
        "push", f"--force-with-lease=production:{seen}", "origin", f"{seen}:refs/heads/production", cwd=clone
    )
    assert stale.returncode != 0
    assert refs()["refs/heads/production"] == other
    git("push", "-q", f"--force-with-lease=production:{other}", "origin", f"{seen}:refs/heads/production", cwd=clone)
    assert refs()["refs/heads/production"] == seen


def test_atomic_push_of_stock_git_moves_all_or_nothing(api, git, repo, clone, refs):
    api.create_branch(repo, branch="production")
    first = refs()[MAIN]
    second = git.commit(clone, "a", b"a")
    done = git.run(
        "push", "--atomic", "origin", "HEAD:refs/heads/new", "HEAD:refs/tags/v1", ":refs/heads/main", cwd=clone
    )
    assert done.returncode != 0
    assert refs() == {MAIN: first, "refs/heads/production": first}
    git("push", "-q", "--atomic", "origin", "main", "HEAD:refs/heads/production", "HEAD:refs/tags/v1", cwd=clone)
    assert refs() == {MAIN: second, "refs/heads/production": second, "refs/tags/v1": second}


def test_atomic_push_with_a_stale_lease_moves_nothing(api, git, repo, clone, refs):
    api.create_branch(repo, branch="production")
    before = refs()
    git.commit(clone, "a", b"a")
    lease = f"--force-with-lease=production:{'1' * 40}"
    done = git.run("push", "--atomic", lease, "origin", "HEAD:production", "HEAD:refs/tags/v1", cwd=clone)
    assert done.returncode != 0
    assert refs() == before


@pytest.mark.parametrize("atomic", [True, False])
def test_server_compares_before_it_swaps(hub, api, repo, atomic, refs):
    """Both moves arrive together, one with an old value that is no longer so: the case dulwich's server gets wrong."""
    first = api.model_info(repo).sha.encode()
    second = api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid.encode()
    api.create_branch(repo, branch="production")
    event, objects = new_commit([second])
    status = push_with_dulwich(
        hub,
        repo,
        {b"refs/tags/rollback/1": (ZERO, first), b"refs/heads/production": (first, event.id)},
        objects=objects,
        atomic=atomic,
    )
    assert status[b"refs/heads/production"] == "stale info"
    expected = {MAIN: second.decode(), "refs/heads/production": second.decode()}
    if atomic:
        assert status[b"refs/tags/rollback/1"] == "atomic push failed"
    else:
        assert status[b"refs/tags/rollback/1"] is None
        expected["refs/tags/rollback/1"] = first.decode()
    assert refs() == expected


def test_dulwich_moves_three_refs_with_one_new_commit(hub, api, repo, git, git_dir, refs):
    first = api.model_info(repo).sha.encode()
    second = api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid.encode()
    api.create_branch(repo, branch="production", revision=first.decode())
    event, objects = new_commit([])
    moves = {
        b"refs/heads/production": (first, second),
        b"refs/tags/rollback/1": (ZERO, first),
        b"refs/heads/ledger": (ZERO, event.id),
    }
    assert set(push_with_dulwich(hub, repo, moves, atomic=True, objects=objects).values()) == {None}
    assert refs() == {MAIN: second.decode()} | {r.decode(): new.decode() for r, (_, new) in moves.items()}
    git("fsck", "--strict", cwd=git_dir)


def test_atomic_push_is_offered_or_not(tmp_path, git):
    with LocalHub(tmp_path / "hub", switches=Switches(atomic_push=False)) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
        git("clone", "-q", f"{authorised(hub.url, hub.token)}/acme/router", "clone")
        done = git.run("push", "--atomic", "origin", "HEAD:refs/heads/new", cwd=git.home / "clone")
        assert done.returncode != 0
        assert "does not support --atomic" in done.stderr
        git("push", "-q", "origin", "HEAD:refs/heads/new", cwd=git.home / "clone")


def test_pull_request_is_pushed_to(hub, api, git, repo, clone, refs):
    pull = api.create_pull_request(repo, title="Better")
    pushed = git.commit(clone, "a", b"a")
    git("push", "-q", "origin", f"HEAD:refs/pr/{pull.num}", cwd=clone)
    events = api.get_discussion_details(repo, pull.num).events
    assert [e.oid for e in events if e.type == "commit"] == [pushed]
    assert git.run("push", "origin", f":refs/pr/{pull.num}", cwd=clone).returncode != 0
    rival = authorised(hub.url, hub.add_user("rival"))
    git.commit(clone, "b", b"b")
    assert git.run("push", f"{rival}/{repo}", f"HEAD:refs/pr/{pull.num}", cwd=clone).returncode != 0
    assert refs()[f"refs/pr/{pull.num}"] == pushed


def test_push_in_chunks_is_taken(api, git, repo, clone):
    """Beyond `http.postBuffer` git asks with an empty request first, then sends its pack in chunks."""
    pushed = git.commit(clone, "a.txt", os.urandom(200_000).hex().encode())
    git("-c", "http.postBuffer=65536", "push", "-q", "origin", "main", cwd=clone)
    assert api.model_info(repo).sha == pushed


def test_many_refs_move_at_once(git, clone, refs):
    """Those that cannot are told, and the others move unless the push is atomic."""
    main = git("rev-parse", "HEAD", cwd=clone)
    tags = [f"HEAD:refs/tags/t{number}" for number in range(200)]
    done = git.run("push", "origin", *tags, "HEAD:refs/tags/t1/sub", ":refs/heads/main", cwd=clone)
    assert done.returncode != 0
    expected = {MAIN: main, **{f"refs/tags/t{number}": main for number in range(200) if number != 1}}
    assert refs() == expected
    git("push", "-q", "--atomic", "origin", *[f":refs/tags/t{n}" for n in range(200) if n != 1], cwd=clone)
    assert refs() == {MAIN: main}


def test_folder_of_refs_takes_the_place_of_a_ref(git, clone, refs):
    git("push", "-q", "origin", "HEAD:refs/heads/a", cwd=clone)
    git("push", "-q", "--atomic", "origin", ":refs/heads/a", "HEAD:refs/heads/a/b", cwd=clone)
    assert set(refs()) == {MAIN, "refs/heads/a/b"}


def test_bad_file_is_told_of_every_ref_that_has_it(git, clone, refs):
    git.commit(clone, "data", b"\0\1\2")
    done = git.run("push", "origin", "HEAD:refs/heads/one", "HEAD:refs/heads/two", "HEAD^:refs/heads/fine", cwd=clone)
    assert done.stderr.count("pre-receive hook declined") == 2
    assert set(refs()) == {MAIN, "refs/heads/fine"}


def test_what_was_pushed_before_is_pushed_again(git, clone, git_dir, refs):
    """The objects of a branch that is gone are still there when it comes back."""
    pushed = git.commit(clone, "a", b"a")
    for _ in range(2):
        git("push", "-q", "origin", "HEAD:refs/heads/side", cwd=clone)
        assert refs()["refs/heads/side"] == pushed
        git("push", "-q", "origin", ":refs/heads/side", cwd=clone)
    git("push", "-q", "origin", "HEAD:refs/heads/side", cwd=clone)
    git("fsck", "--strict", cwd=git_dir)
