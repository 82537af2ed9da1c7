from __future__ import annotations

import pytest
from dulwich.objects import Blob, Commit, Tree
from huggingface_hub import get_session
from raw_push import ZERO, new_commit, push_with_dulwich
from stock_git import authorised

from hubver.localhub.pointers import Pointer
from hubver.localhub.refs import MAIN

INCOMPLETE = {
    "parent": (lambda: new_commit([b"1" * 40])[1]),
    "tree": (lambda: [o for o in new_commit([])[1] if not isinstance(o, Tree)]),
    "file": (lambda: [o for o in new_commit([])[1] if not isinstance(o, Blob)]),
    "commit itself": (lambda: new_commit([])[1][:2]),
}


@pytest.mark.parametrize("objects", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_incomplete_history_is_refused(hub, api, repo, objects, refs):
    pushed = objects()
    moves = {b"refs/heads/x": (ZERO, pushed[-1].id if isinstance(pushed[-1], Commit) else b"3" * 40)}
    status = push_with_dulwich(hub, repo, moves, atomic=False, objects=pushed)
    assert status == {b"refs/heads/x": "missing necessary objects"}
    assert list(refs()) == [MAIN]


def test_branch_leads_to_a_commit(hub, api, repo):
    commit, objects = new_commit([])
    status = push_with_dulwich(hub, repo, {b"refs/heads/x": (ZERO, commit.tree)}, atomic=False, objects=objects)
    assert status == {b"refs/heads/x": "a ref must lead to a commit"}


def test_who_may_use_git(hub, api, git, repo, clone):
    git.commit(clone, "a", b"a")
    api.create_repo("acme/secret", private=True)
    reader, rival = hub.add_user("acme", write=False), hub.add_user("rival")
    assert git.run("ls-remote", f"{hub.url}/{repo}").returncode == 0
    assert git.run("ls-remote", f"{hub.url}/acme/secret").returncode != 0
    assert git.run("ls-remote", f"{authorised(hub.url, rival)}/acme/secret").returncode != 0
    assert git.run("ls-remote", f"{authorised(hub.url, reader)}/acme/secret").returncode == 0
    for token in (reader, rival, "hf_wrong"):
        assert git.run("push", f"{authorised(hub.url, token)}/{repo}", "main", cwd=clone).returncode != 0
    assert git.run("push", f"{hub.url}/{repo}", "main", cwd=clone).returncode != 0
    assert len(api.list_repo_commits(repo)) == 1
    challenge = get_session().get(f"{hub.url}/acme/secret/info/refs?service=git-upload-pack")
    assert (challenge.status_code, challenge.headers["WWW-Authenticate"][:5]) == (401, "Basic")


def test_large_files_must_go_through_lfs(api, git, repo, clone):
    git.commit(clone, "big.txt", b"x" * (10 * 2**20 + 1))
    done = git.run("push", "origin", "main", cwd=clone)
    assert done.returncode != 0
    for line in ("contains files larger than 10 MiB.", "Offending files:", "  - big.txt (ref: refs/heads/main)"):
        assert f"{line} " in f"{done.stderr} ".replace("\n", " ")
    assert "! [remote rejected] main -> main (pre-receive hook declined)" in done.stderr
    assert len(api.list_repo_commits(repo)) == 1


def test_binary_must_go_through_lfs(api, git, repo, clone):
    git.commit(clone, "data", b"\0\1\2")
    done = git.run("push", "origin", "main", cwd=clone)
    assert done.returncode != 0
    assert "Your push was rejected because it contains binary files." in done.stderr
    assert len(api.list_repo_commits(repo)) == 1


BAD_NAMES = {"git's own folder": b".git", "to Windows": b"git~1", "parent": b"..", "not UTF-8": b"\xff"}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_names_that_would_harm_a_clone_are_refused(hub, api, repo, name, refs):
    blob, inner, tree = Blob.from_string(b"x"), Tree(), Tree()
    inner.add(b"file", 0o100644, blob.id)
    tree.add(name, 0o040000, inner.id)
    commit = new_commit([])[0]
    commit.tree = tree.id
    moves = {b"refs/heads/x": (ZERO, commit.id)}
    status = push_with_dulwich(hub, repo, moves, atomic=False, objects=[blob, inner, tree, commit])
    assert status == {b"refs/heads/x": "pre-receive hook declined"}
    assert list(refs()) == [MAIN]


def test_body_that_is_not_gzip_is_told(hub, repo):
    headers = {"Authorization": f"Bearer {hub.token}", "Content-Encoding": "gzip"}
    answer = get_session().post(f"{hub.url}/{repo}/git-upload-pack", content=b"no gzip", headers=headers)
    assert answer.status_code == 400


def test_pointer_needs_its_object(api, git, repo, clone):
    git.commit(clone, "w.txt", bytes(Pointer("5" * 64, 7)))
    done = git.run("push", "origin", "main", cwd=clone)
    assert done.returncode != 0
    assert "LFS pointer pointed to a file that does not exist" in done.stderr
    assert len(api.list_repo_commits(repo)) == 1
