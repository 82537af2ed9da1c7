from __future__ import annotations

import os

import pytest
from dulwich.client import get_transport_and_path
from dulwich.objects import Blob, Commit, Tree
from dulwich.pack import UnpackedObject
from dulwich.repo import MemoryRepo
from huggingface_hub import CommitOperationAdd, HfApi, get_session

from hubver.localhub import LocalHub, Switches
from hubver.localhub.pointers import Pointer
from hubver.localhub.refs import MAIN


def authorised(url, token):
    return url.replace("http://", f"http://anyone:{token}@")


ZERO = b"0" * 40


def refs(api, repo):
    listed = api.list_repo_refs(repo, include_pull_requests=True)
    return {r.ref: r.target_commit for r in [*listed.branches, *listed.tags, *listed.pull_requests]}


def moved(git, clone, *arguments):
    return git.run("push", *arguments, cwd=clone)


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


def test_annotated_tag_is_peeled_over_http_and_whole_in_git(api, git, repo, clone):
    api.create_tag(repo, tag="v1", tag_message="the first")
    git("fetch", "-q", "--tags", cwd=clone)
    assert git("cat-file", "-t", "v1", cwd=clone) == "tag"
    assert git("tag", "-l", "--format=%(contents)", "v1", cwd=clone) == "the first"
    git("tag", "-a", "v2", "-m", "the second", cwd=clone)
    git("push", "-q", "origin", "v2", cwd=clone)
    main = api.model_info(repo).sha
    assert {refs(api, repo)[f"refs/tags/{tag}"] for tag in ("v1", "v2")} == {main}
    assert api.model_info(repo, revision="v2").sha == main


def test_branch_is_made_moved_and_deleted_without_new_objects(api, git, repo, clone):
    first = git("rev-parse", "HEAD", cwd=clone)
    second = git.commit(clone, "a", b"a")
    git("push", "-q", "origin", "main", "main:refs/heads/production", cwd=clone)
    git("push", "-q", "--force", "origin", f"{first}:refs/heads/production", cwd=clone)
    assert refs(api, repo) == {MAIN: second, "refs/heads/production": first}
    git("push", "-q", "origin", ":production", cwd=clone)
    assert refs(api, repo) == {MAIN: second}


REFUSED = {
    "deletes main": ":refs/heads/main",
    "outside of branches and tags": "HEAD:refs/notes/x",
    "pull request that is not there": "HEAD:refs/pr/9",
    "name that cannot stand beside another": "HEAD:refs/heads/main/sub",
}


@pytest.mark.parametrize("spec", REFUSED.values(), ids=REFUSED.keys())
def test_refused_push_moves_nothing(api, git, repo, clone, spec):
    before = refs(api, repo)
    done = moved(git, clone, "origin", spec)
    assert done.returncode != 0
    assert "remote rejected" in done.stderr
    assert refs(api, repo) == before


def test_not_a_fast_forward_needs_force(api, git, repo, clone):
    git("commit", "-q", "--amend", "-m", "other", cwd=clone)
    assert moved(git, clone, "origin", "main").returncode != 0
    git("push", "-q", "--force", "origin", "main", cwd=clone)
    assert refs(api, repo)[MAIN] == git("rev-parse", "HEAD", cwd=clone)


def test_lease_is_held_to(api, git, repo, clone):
    api.create_branch(repo, branch="production")
    git("fetch", "-q", cwd=clone)
    seen = git("rev-parse", "origin/production", cwd=clone)
    other = git.commit(clone, "a", b"a")
    git("push", "-q", "origin", "HEAD:production", cwd=clone)
    stale = moved(git, clone, f"--force-with-lease=production:{seen}", "origin", f"{seen}:refs/heads/production")
    assert stale.returncode != 0
    assert refs(api, repo)["refs/heads/production"] == other
    git("push", "-q", f"--force-with-lease=production:{other}", "origin", f"{seen}:refs/heads/production", cwd=clone)
    assert refs(api, repo)["refs/heads/production"] == seen


def test_atomic_push_of_stock_git_moves_all_or_nothing(api, git, repo, clone):
    api.create_branch(repo, branch="production")
    first = refs(api, repo)[MAIN]
    second = git.commit(clone, "a", b"a")
    done = moved(git, clone, "--atomic", "origin", "HEAD:refs/heads/new", "HEAD:refs/tags/v1", ":refs/heads/main")
    assert done.returncode != 0
    assert refs(api, repo) == {MAIN: first, "refs/heads/production": first}
    git("push", "-q", "--atomic", "origin", "main", "HEAD:refs/heads/production", "HEAD:refs/tags/v1", cwd=clone)
    assert refs(api, repo) == {MAIN: second, "refs/heads/production": second, "refs/tags/v1": second}


def test_atomic_push_with_a_stale_lease_moves_nothing(api, git, repo, clone):
    api.create_branch(repo, branch="production")
    before = refs(api, repo)
    git.commit(clone, "a", b"a")
    lease = f"--force-with-lease=production:{'1' * 40}"
    done = moved(git, clone, "--atomic", lease, "origin", "HEAD:production", "HEAD:refs/tags/v1")
    assert done.returncode != 0
    assert refs(api, repo) == before


def push_with_dulwich(hub, repo, old_to_new, *, atomic, objects=()):
    """Push moves as they are, whatever the server advertised, so that the server alone decides."""
    client, path = get_transport_and_path(f"{hub.url}/{repo}", username="anyone", password=hub.token)

    def believed(_):
        return {ref: new for ref, (_, new) in old_to_new.items()}

    original = client._discover_references

    def discover(*arguments, **keywords):
        result = original(*arguments, **keywords)
        for ref, (old, _) in old_to_new.items():
            result[0].pop(ref, None)
            if old != ZERO:
                result[0][ref] = old
        return result

    client._discover_references = discover

    def pack(_have, _want, **_keywords):
        return len(objects), iter(_unpacked(objects))

    try:
        return client.send_pack(path, believed, pack, atomic=atomic).ref_status
    finally:
        client.pool_manager.clear()


def _unpacked(objects):
    return [UnpackedObject(o.type_num, sha=o.sha().digest(), decomp_chunks=o.as_raw_chunks()) for o in objects]


@pytest.mark.parametrize("atomic", [True, False])
def test_server_compares_before_it_swaps(hub, api, repo, atomic):
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
    assert refs(api, repo) == expected


def new_commit(parents, content=b"event"):
    blob = Blob.from_string(content)
    tree = Tree()
    tree.add(b"event.json", 0o100644, blob.id)
    commit = Commit()
    commit.tree, commit.parents, commit.message = tree.id, parents, b"event"
    commit.author = commit.committer = b"dev <dev@example.org>"
    commit.author_time = commit.commit_time = 1_700_000_000
    commit.author_timezone = commit.commit_timezone = 0
    return commit, [blob, tree, commit]


def test_dulwich_moves_three_refs_with_one_new_commit(hub, api, repo, git, git_dir):
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
    assert refs(api, repo) == {MAIN: second.decode()} | {r.decode(): new.decode() for r, (_, new) in moves.items()}
    git("fsck", "--strict", cwd=git_dir)


INCOMPLETE = {
    "parent": (lambda: new_commit([b"1" * 40])[1]),
    "tree": (lambda: [o for o in new_commit([])[1] if not isinstance(o, Tree)]),
    "file": (lambda: [o for o in new_commit([])[1] if not isinstance(o, Blob)]),
    "commit itself": (lambda: new_commit([])[1][:2]),
}


@pytest.mark.parametrize("objects", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_incomplete_history_is_refused(hub, api, repo, objects):
    pushed = objects()
    moves = {b"refs/heads/x": (ZERO, pushed[-1].id if isinstance(pushed[-1], Commit) else b"3" * 40)}
    status = push_with_dulwich(hub, repo, moves, atomic=False, objects=pushed)
    assert status == {b"refs/heads/x": "missing necessary objects"}
    assert list(refs(api, repo)) == [MAIN]


def test_branch_leads_to_a_commit(hub, api, repo):
    commit, objects = new_commit([])
    status = push_with_dulwich(hub, repo, {b"refs/heads/x": (ZERO, commit.tree)}, atomic=False, objects=objects)
    assert status == {b"refs/heads/x": "a ref must lead to a commit"}


def test_dulwich_fetches(hub, api, repo):
    sha = api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid
    client, path = get_transport_and_path(f"{hub.url}/{repo}", username="anyone", password=hub.token)
    fetched = MemoryRepo()
    assert client.fetch(path, fetched).refs[b"refs/heads/main"] == sha.encode()
    assert b"a" in fetched[fetched[sha.encode()].tree]
    client.pool_manager.clear()


def test_who_may_use_git(hub, api, git, repo, clone):
    git.commit(clone, "a", b"a")
    api.create_repo("acme/secret", private=True)
    reader, rival = hub.add_user("acme", write=False), hub.add_user("rival")
    assert git.run("ls-remote", f"{hub.url}/{repo}").returncode == 0
    assert git.run("ls-remote", f"{hub.url}/acme/secret").returncode != 0
    assert git.run("ls-remote", f"{authorised(hub.url, rival)}/acme/secret").returncode != 0
    assert git.run("ls-remote", f"{authorised(hub.url, reader)}/acme/secret").returncode == 0
    for token in (reader, rival, "hf_wrong"):
        assert moved(git, clone, f"{authorised(hub.url, token)}/{repo}", "main").returncode != 0
    assert moved(git, clone, f"{hub.url}/{repo}", "main").returncode != 0
    assert len(api.list_repo_commits(repo)) == 1
    challenge = get_session().get(f"{hub.url}/acme/secret/info/refs?service=git-upload-pack")
    assert (challenge.status_code, challenge.headers["WWW-Authenticate"][:5]) == (401, "Basic")


def test_large_files_must_go_through_lfs(api, git, repo, clone):
    git.commit(clone, "big.txt", b"x" * (10 * 2**20 + 1))
    done = moved(git, clone, "origin", "main")
    assert done.returncode != 0
    for line in ("contains files larger than 10 MiB.", "Offending files:", "  - big.txt (ref: refs/heads/main)"):
        assert f"{line} " in f"{done.stderr} ".replace("\n", " ")
    assert "! [remote rejected] main -> main (pre-receive hook declined)" in done.stderr
    assert len(api.list_repo_commits(repo)) == 1


def test_binary_must_go_through_lfs(api, git, repo, clone):
    git.commit(clone, "data", b"\0\1\2")
    done = moved(git, clone, "origin", "main")
    assert done.returncode != 0
    assert "Your push was rejected because it contains binary files." in done.stderr
    assert len(api.list_repo_commits(repo)) == 1


BAD_NAMES = {"git's own folder": b".git", "to Windows": b"git~1", "parent": b"..", "not UTF-8": b"\xff"}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_names_that_would_harm_a_clone_are_refused(hub, api, repo, name):
    blob, inner, tree = Blob.from_string(b"x"), Tree(), Tree()
    inner.add(b"file", 0o100644, blob.id)
    tree.add(name, 0o040000, inner.id)
    commit = new_commit([])[0]
    commit.tree = tree.id
    moves = {b"refs/heads/x": (ZERO, commit.id)}
    status = push_with_dulwich(hub, repo, moves, atomic=False, objects=[blob, inner, tree, commit])
    assert status == {b"refs/heads/x": "pre-receive hook declined"}
    assert list(refs(api, repo)) == [MAIN]


def test_atomic_push_is_offered_or_not(tmp_path, git):
    with LocalHub(tmp_path / "hub", switches=Switches(atomic_push=False)) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
        git("clone", "-q", f"{authorised(hub.url, hub.token)}/acme/router", "clone")
        done = git.run("push", "--atomic", "origin", "HEAD:refs/heads/new", cwd=git.home / "clone")
        assert done.returncode != 0
        assert "does not support --atomic" in done.stderr
        git("push", "-q", "origin", "HEAD:refs/heads/new", cwd=git.home / "clone")


def test_body_that_is_not_gzip_is_told(hub, repo):
    headers = {"Authorization": f"Bearer {hub.token}", "Content-Encoding": "gzip"}
    answer = get_session().post(f"{hub.url}/{repo}/git-upload-pack", content=b"no gzip", headers=headers)
    assert answer.status_code == 400


def test_pointer_needs_its_object(api, git, repo, clone):
    git.commit(clone, "w.txt", bytes(Pointer("5" * 64, 7)))
    done = moved(git, clone, "origin", "main")
    assert done.returncode != 0
    assert "LFS pointer pointed to a file that does not exist" in done.stderr
    assert len(api.list_repo_commits(repo)) == 1


def test_pull_request_is_pushed_to(hub, api, git, repo, clone):
    pull = api.create_pull_request(repo, title="Better")
    pushed = git.commit(clone, "a", b"a")
    git("push", "-q", "origin", f"HEAD:refs/pr/{pull.num}", cwd=clone)
    events = api.get_discussion_details(repo, pull.num).events
    assert [e.oid for e in events if e.type == "commit"] == [pushed]
    assert moved(git, clone, "origin", f":refs/pr/{pull.num}").returncode != 0
    rival = authorised(hub.url, hub.add_user("rival"))
    git.commit(clone, "b", b"b")
    assert moved(git, clone, f"{rival}/{repo}", f"HEAD:refs/pr/{pull.num}").returncode != 0
    assert refs(api, repo)[f"refs/pr/{pull.num}"] == pushed


def test_many_haves_arrive_compressed(api, git, repo, clone):
    """Git gzips its request once the list of commits is long."""
    for number in range(60):
        git("commit", "-q", "--allow-empty", "-m", str(number), cwd=clone)
    sha = api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid
    git("fetch", "-q", cwd=clone)
    assert git("rev-parse", "origin/main", cwd=clone) == sha
    git("rebase", "-q", "origin/main", cwd=clone)
    git("push", "-q", "origin", "main", cwd=clone)


def test_push_in_chunks_is_taken(api, git, repo, clone):
    """Beyond `http.postBuffer` git asks with an empty request first, then sends its pack in chunks."""
    pushed = git.commit(clone, "a.txt", os.urandom(200_000).hex().encode())
    git("-c", "http.postBuffer=65536", "push", "-q", "origin", "main", cwd=clone)
    assert api.model_info(repo).sha == pushed


def test_partial_clone_becomes_a_whole_one(api, git, repo, url):
    for content in (b"1", b"2"):
        api.create_commit(repo, [CommitOperationAdd("a", content)], commit_message="a")
    git("clone", "-q", "--filter=blob:none", url, "partial")
    partial = git.home / "partial"
    assert (partial / "a").read_bytes() == b"2"
    git("checkout", "-q", "HEAD~1", cwd=partial)
    assert (partial / "a").read_bytes() == b"1"
