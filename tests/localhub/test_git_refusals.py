from __future__ import annotations

import gzip
import hashlib
import struct
import zlib

import pytest
from dulwich.objects import Blob, Commit, Tree
from huggingface_hub import get_session
from raw_push import ZERO, new_commit, push_with_dulwich
from stock_git import authorised

from hubver.localhub.large.pointers import Pointer
from hubver.localhub.repos.refs import MAIN

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


def entry(kind, size, content):
    """An object of a pack that says it has `size` bytes."""
    header, size = (kind << 4) | (size & 15), size >> 4
    out = bytearray()
    while size:
        out.append(header | 0x80)
        header, size = size & 0x7F, size >> 7
    return bytes([*out, header]) + content


def pack(*entries, count=None, trailer=None):
    body = b"PACK" + struct.pack(">LL", 2, len(entries) if count is None else count) + b"".join(entries)
    return body + (hashlib.sha1(body).digest() if trailer is None else trailer)


BLOB, REF_DELTA = 3, 7
FINE = entry(BLOB, 5, zlib.compress(b"hello"))
ZEROS = zlib.compress(bytes(2**20))
# From a base of 5 bytes, copy its first ones over and over to a result of 2 ** 40 bytes.
DELTA = b"\x05" + b"\x80\x80\x80\x80\x80\x20" + b"\x90\x05" * 10
LIES = {
    "no pack": b"hello",
    "nothing": b"",
    "cut off in an object": pack(FINE)[:-24],
    "cut off in its checksum": pack(FINE)[:-4],
    "fewer objects than it says": pack(FINE, count=2),
    "another checksum": pack(FINE, trailer=b"x" * 20),
    "not compressed": pack(entry(BLOB, 5, b"hello")),
    "inflates to more than it says": pack(entry(BLOB, 10, ZEROS)),
    "inflates to less than it says": pack(entry(BLOB, 10, zlib.compress(b"hello"))),
    "object larger than any may be": pack(entry(BLOB, 2**40, ZEROS)),
    "delta that makes a terabyte": pack(
        FINE, entry(REF_DELTA, len(DELTA), hashlib.sha1(b"blob 5\0hello").digest() + zlib.compress(DELTA))
    ),
    "delta to nothing": pack(entry(REF_DELTA, len(DELTA), b"x" * 20 + zlib.compress(b"\x05\x05\x90\x05"))),
    "delta that ends early": pack(FINE, entry(REF_DELTA, 1, b"x" * 20 + zlib.compress(b"\x85"))),
}


def pkt(line):
    return b"%04x" % (len(line) + 4) + line


def post_push(hub, repo, body, **headers):
    headers = {"Authorization": f"Bearer {hub.token}", **headers}
    return get_session().post(f"{hub.url}/{repo}/git-receive-pack", content=body, headers=headers)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_packs_that_lie_are_refused_and_leave_nothing(hub, git, repo, git_dir, refs, lie):
    before, objects = refs(), git("count-objects", "-v", cwd=git_dir)
    command = pkt(b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/x\0report-status")
    answer = post_push(hub, repo, command + b"0000" + lie)
    assert answer.status_code == 200
    assert b"unpack ok" not in answer.content
    assert b"ng refs/heads/x unpacker error" in answer.content
    assert refs() == before
    assert git("count-objects", "-v", cwd=git_dir) == objects
    assert not list(git_dir.glob("objects/tmp_*"))


def test_refused_push_leaves_no_objects(git, repo, clone, git_dir):
    objects = git("count-objects", "-v", cwd=git_dir)
    git.commit(clone, "data", b"\0\1\2")
    assert git.run("push", "origin", "main", cwd=clone).returncode != 0
    assert git("count-objects", "-v", cwd=git_dir) == objects
    assert not list(git_dir.glob("objects/tmp_*"))


def test_what_was_refused_is_refused_again_though_it_lies_in_the_repo(git, clone, git_dir, refs):
    bad = git.commit(clone, "data", b"\0\1\2")
    git("checkout", "-q", "-b", "good", "HEAD^", cwd=clone)
    good = git.commit(clone, "text", b"text")
    # Not atomic: one of the two is taken, and what belongs to the other comes with it.
    assert git.run("push", "origin", "main", "good", cwd=clone).returncode != 0
    assert refs()["refs/heads/good"] == good
    assert git("cat-file", "-t", bad, cwd=git_dir) == "commit"
    git("checkout", "-q", "main", cwd=clone)
    git.commit(clone, "more", b"more")
    for spec in (f"{bad}:refs/heads/x", "main:refs/heads/x", f"{bad}:refs/tags/x"):
        done = git.run("push", "origin", spec, cwd=clone)
        assert done.returncode != 0, spec
        assert "Your push was rejected because it contains binary files" in done.stderr
    assert not {name for name in refs() if name.endswith("/x")}


def test_a_branch_may_start_anywhere_in_the_history(git, clone, refs):
    shas = [git.commit(clone, f"{number}", b"text") for number in range(3)]
    git("push", "-q", "origin", "main", cwd=clone)
    git("checkout", "-q", "-b", "x", shas[0], cwd=clone)
    new = git.commit(clone, "new", b"text")
    git("push", "-q", "origin", "x", f"{shas[1]}:refs/heads/y", cwd=clone)
    assert (refs()["refs/heads/x"], refs()["refs/heads/y"]) == (new, shas[1])


BODIES = {
    "not gzip": (b"no gzip", 400),
    "gzip that ends early": (gzip.compress(b"0000")[:-3], 400),
    "gzip bomb": (gzip.compress(bytes(200 * 2**20)), 413),
    "no protocol": (gzip.compress(b"hello"), 400),
}


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_bodies_that_lie(hub, repo, service, body, status):
    headers = {"Authorization": f"Bearer {hub.token}", "Content-Encoding": "gzip"}
    answer = get_session().post(f"{hub.url}/{repo}/{service}", content=body, headers=headers)
    assert answer.status_code == status


REQUESTS = {
    "unknown command": pkt(b"command=obliterate\n") + b"0000",
    "no end": pkt(b"command=fetch\n") + b"0001" + pkt(b"done\n"),
    "no lines": b"zzzz",
}


@pytest.mark.parametrize("body", REQUESTS.values(), ids=REQUESTS)
def test_fetches_that_are_none(hub, repo, body):
    headers = {"Authorization": f"Bearer {hub.token}", "Git-Protocol": "version=2"}
    answer = get_session().post(f"{hub.url}/{repo}/git-upload-pack", content=body, headers=headers)
    assert answer.status_code == 400


FETCHES = {
    "id that is none": b"want hello",
    "depth of nothing": b"deepen 0",
    "date that is none": b"deepen-since yesterday",
    "ref that is not there": b"deepen-not refs/heads/none",
}


@pytest.mark.parametrize("line", FETCHES.values(), ids=FETCHES)
def test_fetches_that_cannot_be_served(hub, repo, line):
    headers = {"Authorization": f"Bearer {hub.token}", "Git-Protocol": "version=2"}
    body = pkt(b"command=fetch") + b"0001" + pkt(line) + pkt(b"done") + b"0000"
    answer = get_session().post(f"{hub.url}/{repo}/git-upload-pack", content=body, headers=headers)
    assert answer.content[4:].startswith(b"ERR upload-pack: ")


def test_pointer_needs_its_object(api, git, repo, clone):
    git.commit(clone, "w.txt", bytes(Pointer("5" * 64, 7)))
    done = git.run("push", "origin", "main", cwd=clone)
    assert done.returncode != 0
    assert "LFS pointer pointed to a file that does not exist" in done.stderr
    assert len(api.list_repo_commits(repo)) == 1
