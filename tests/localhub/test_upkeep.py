"""Comparing and squashing history, deleting large files, and the limits on commits."""

from __future__ import annotations

import hashlib
import threading

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.utils import parse_ratelimit_headers

from hubver.localhub import LocalHub, Switches
from hubver.localhub.accounts.limits import CommitRate
from hubver.localhub.errors import HubError


def commit(api, repo, **files):
    operations = [CommitOperationAdd(path.replace("_", "."), content) for path, content in files.items()]
    return api.create_commit(repo, operations, commit_message="+".join(files)).oid


def call(hub, method, path, token=None, **more):
    headers = {"Authorization": f"Bearer {token or hub.token}"}
    return get_session().request(method, f"{hub.url}/api/models/{path}", headers=headers, **more)


def status_of(function, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        function(*arguments, **keywords)
    return refused.value.response.status_code


@pytest.mark.parametrize("dots", ["..", "..."])
def test_compare_shows_the_raw_difference(hub, api, repo, dots):
    first = commit(api, repo, a=b"one\n", b=b"same\n")
    api.create_branch(repo, branch="feature/x")
    commit(api, repo, a=b"two\n")
    answer = call(hub, "GET", f"{repo}/compare/feature%2Fx{dots}main?raw=true")
    assert "diff --git a/a b/a" in answer.text
    assert "\n-one\n+two\n" in answer.text
    assert "same" not in answer.text
    assert call(hub, "GET", f"{repo}/compare/{first}{dots}feature%2Fx").text == ""
    assert call(hub, "GET", f"{repo}/compare/{first}{dots}none").status_code == 404
    assert call(hub, "GET", f"{repo}/compare/main").status_code == 400


def test_super_squash_leaves_one_commit(hub, api, repo, git, git_dir):
    commit(api, repo, a=b"1")
    tagged = commit(api, repo, a=b"2", w_bin=b"\0")
    api.create_tag(repo, tag="v1")
    api.create_branch(repo, branch="other")
    api.super_squash_history(repo, commit_message="All of it")
    (only,) = api.list_repo_commits(repo)
    assert (only.title, only.authors) == ("All of it", ["acme"])
    assert {f.path for f in api.list_repo_tree(repo)} == {".gitattributes", "a", "w.bin"}
    assert {len(api.list_repo_commits(repo, revision=name)) for name in ("v1", "other")} == {3}
    assert api.model_info(repo, revision="v1").sha == tagged
    with pytest.raises(RevisionNotFoundError):
        api.super_squash_history(repo, branch="none")
    assert status_of(api.super_squash_history, repo, token=hub.add_user("rival")) == 403
    git("fsck", "--strict", cwd=git_dir)


def test_super_squash_of_a_pull_request(api, repo):
    pull = api.create_pull_request(repo, title="Better").git_reference
    for content in (b"1", b"2"):
        api.upload_file(path_or_fileobj=content, path_in_repo="a", repo_id=repo, revision=pull)
    api.super_squash_history(repo, branch=pull)
    assert len(api.list_repo_commits(repo, revision=pull)) == 1
    assert len(api.list_repo_commits(repo)) == 1
    assert {f.path for f in api.list_repo_tree(repo, revision=pull)} == {".gitattributes", "a"}


def test_large_files_are_listed(hub, api, repo):
    contents = {f"w{number}_bin": bytes(100 + number) for number in range(3)}
    for name, content in contents.items():
        commit(api, repo, **{name: content})
    commit(api, repo, again_bin=contents["w0_bin"])
    listed = {f.file_oid: f for f in api.list_lfs_files(repo)}
    assert set(listed) == {hashlib.sha256(content).hexdigest() for content in contents.values()}
    newest = listed[hashlib.sha256(contents["w2_bin"]).hexdigest()]
    assert (newest.filename, newest.size, newest.ref) == ("w2.bin", 102, "refs/heads/main")
    first = call(hub, "GET", f"{repo}/lfs-files?limit=2")
    second = get_session().get(first.links["next"]["url"], headers={"Authorization": f"Bearer {hub.token}"})
    assert [len(page.json()) for page in (first, second)] == [2, 1]
    assert call(hub, "GET", f"{repo}/lfs-files", token=hub.add_user("rival")).status_code == 403


def large(hub):
    return {file.name for file in (hub.root / "lfs").rglob("*") if file.is_file()}


def test_large_file_is_deleted_from_all_history(hub, api, repo, git, git_dir, tmp_path):
    commit(api, repo, w_bin=b"\0old", keep_bin=b"\0keep")
    api.create_tag(repo, tag="v1", tag_message="the first")
    untouched = commit(api, repo, w_bin=b"\0new", a=b"a")
    old = [f for f in api.list_lfs_files(repo) if f.file_oid == hashlib.sha256(b"\0old").hexdigest()]
    api.permanently_delete_lfs_files(repo, old)
    assert [f.path for f in api.list_repo_tree(repo, revision="v1")] == [".gitattributes", "keep.bin"]
    assert api.model_info(repo).sha != untouched
    assert {f.path for f in api.list_repo_tree(repo)} == {".gitattributes", "a", "keep.bin", "w.bin"}
    assert [c.title for c in api.list_repo_commits(repo)] == ["w_bin+a", "w_bin+keep_bin", "initial commit"]
    assert large(hub) == {hashlib.sha256(content).hexdigest() for content in (b"\0keep", b"\0new")}
    assert [f.filename for f in api.list_lfs_files(repo)] == ["w.bin", "keep.bin"]
    git("fsck", "--strict", cwd=git_dir)
    git("clone", "-q", f"{hub.url}/{repo}", tmp_path / "clone")
    assert git("tag", "-l", "--format=%(contents)", "v1", cwd=tmp_path / "clone") == "the first"


def test_deleting_without_rewriting_leaves_the_pointer(hub, api, repo):
    sha = commit(api, repo, w_bin=b"\0old")
    api.create_repo("acme/other")
    commit(api, "acme/other", w_bin=b"\0old")
    oid = hashlib.sha256(b"\0old").hexdigest()
    assert call(hub, "DELETE", f"{repo}/lfs-files/{oid}", token=hub.add_user("rival")).status_code == 403
    assert call(hub, "DELETE", f"{repo}/lfs-files/{oid}").status_code == 200
    assert api.model_info(repo).sha == sha
    assert large(hub) == {oid}
    assert call(hub, "DELETE", f"acme/other/lfs-files/{oid}?rewriteHistory=true").status_code == 200
    assert large(hub) == set()
    assert get_session().get(f"{hub.url}/{repo}/resolve/main/w.bin").status_code == 404


def test_large_files_are_given_to_another_repo(hub, api, repo):
    api.create_repo("acme/other", private=True)
    commit(api, repo, w_bin=b"\0one")
    oid = hashlib.sha256(b"\0one").hexdigest()
    body = {"target": {"type": "model", "name": "acme/other"}, "files": [{"sha256": oid}, {"sha256": "0" * 64}]}
    answer = call(hub, "POST", f"{repo}/lfs-files/duplicate", json=body)
    assert [item["sha256"] for item in answer.json()["failed"]] == ["0" * 64]
    assert [f.file_oid for f in api.list_lfs_files("acme/other")] == [oid]
    rival = hub.add_user("rival")
    assert call(hub, "POST", f"{repo}/lfs-files/duplicate", token=rival, json=body).status_code == 404


def test_commit_rate_is_limited(tmp_path):
    with LocalHub(tmp_path, switches=Switches(commits_per_hour=2)) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        for name in ("acme/one", "acme/two"):
            api.create_repo(name)
            commit(api, name, a=b"1")
        commit(api, "acme/one", a=b"2")
        with pytest.raises(HfHubHTTPError) as refused:
            commit(api, "acme/one", a=b"3")
        assert refused.value.response.status_code == 429
        limit = parse_ratelimit_headers(refused.value.response.headers)
        assert (limit.remaining, limit.limit, limit.window_seconds) == (0, 2, 3600)
        assert 0 < limit.reset_in_seconds <= 3601
        assert len(api.list_repo_commits("acme/one")) == 3
        commit(api, "acme/two", a=b"2")


def test_an_hour_later_there_is_room_again():
    now = [0.0]
    rate = CommitRate(2, lambda: now[0])
    for moment in (0.0, 1800.0):
        now[0] = moment
        rate.count("acme/x")
    now[0] = 3599.0
    with pytest.raises(HubError, match="2 per hour"):
        rate.count("acme/x")
    rate.count("acme/y")
    now[0] = 3600.0
    rate.count("acme/x")
    with pytest.raises(HubError):
        rate.count("acme/x")


def test_commit_is_refused_while_another_is_made(tmp_path):
    """Many at once, until one of them has met another."""
    statuses, reasons = [], set()
    with LocalHub(tmp_path, switches=Switches(commit_lock="refuse")) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/x")

        def push(thread):
            for number in range(200):
                if 409 in statuses:
                    return
                files = {f"f{thread}n{number}k{k}": b"x" for k in range(20)}
                try:
                    commit(api, "acme/x", **files)
                    statuses.append(200)
                except HfHubHTTPError as refused:
                    statuses.append(refused.response.status_code)
                    reasons.add(refused.server_message)

        threads = [threading.Thread(target=push, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200, 409}
        assert reasons == {"Another commit operation is in progress. Please retry."}
        assert len(api.list_repo_commits("acme/x")) == 1 + statuses.count(200)


@pytest.mark.parametrize("path", ["acme/router/commit/main", "acme/router/tag/main", "acme/router/discussions"])
def test_oversized_body_is_refused(hub, api, repo, path):
    answer = call(hub, "POST", path, content=b'{"key":"' + b"x" * (33 * 2**20) + b'"}')
    assert answer.status_code == 413
    assert len(api.list_repo_commits(repo)) == 1


def test_branch_switches(tmp_path):
    with LocalHub(tmp_path, switches=Switches(branch_status=201, overwrite_main=False)) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/x")
        first = api.model_info("acme/x").sha
        second = commit(api, "acme/x", a=b"1")
        assert call(hub, "POST", "acme/x/branch/b", json={}).status_code == 201
        moved = call(hub, "POST", "acme/x/branch/main", json={"startingPoint": first, "overwrite": True})
        assert moved.status_code == 400
        assert api.model_info("acme/x").sha == second
