from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, get_session
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from hubver.localhub.large.pointers import REGULAR_SIZE_LIMIT, Attributes, Pointer, parse_pointer


def add(path, content=b"x"):
    return CommitOperationAdd(path, content)


def paths(api, repo, revision=None):
    return [f.path for f in api.list_repo_tree(repo, recursive=True, revision=revision) if hasattr(f, "blob_id")]


def raw_commit(hub, repo, lines, revision="main", token=None):
    body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    headers = {"Authorization": f"Bearer {token or hub.token}"}
    return get_session().post(f"{hub.url}/api/models/{repo}/commit/{revision}", content=body, headers=headers)


HEADER = {"key": "header", "value": {"summary": "change"}}


def file(path, content="x", **more):
    return {"key": "file", "value": {"path": path, "content": content, **more}}


def test_new_repo_has_the_initial_commit(api, repo):
    (initial,) = api.list_repo_commits(repo)
    assert (initial.title, initial.authors) == ("initial commit", ["acme"])
    assert paths(api, repo) == [".gitattributes"]


def test_one_commit_adds_deletes_and_copies(api, repo):
    api.create_commit(repo, [add("a/1"), add("a/2"), add("b/1", b"keep"), add("top")], commit_message="first")
    made = api.create_commit(
        repo,
        [CommitOperationDelete("a/"), CommitOperationDelete("top"), CommitOperationCopy("b/1", "c/copy"), add("a/3")],
        commit_message="second",
        commit_description="why",
    )
    assert paths(api, repo) == [".gitattributes", "a/3", "b/1", "c/copy"]
    newest = api.list_repo_commits(repo)[0]
    assert (newest.commit_id, newest.title, newest.message, newest.authors) == (made.oid, "second", "why", ["acme"])
    assert made.commit_url.endswith(f"/acme/router/commit/{made.oid}")


def test_file_takes_the_place_of_a_folder_and_back(api, repo):
    api.create_commit(repo, [add("x/y")], commit_message="folder")
    api.create_commit(repo, [add("x")], commit_message="file")
    assert paths(api, repo) == [".gitattributes", "x"]
    api.create_commit(repo, [add("x/z")], commit_message="folder again")
    assert paths(api, repo) == [".gitattributes", "x/z"]


def test_folder_may_be_deleted_as_if_it_were_a_file(api, repo):
    api.create_commit(repo, [add("x/y"), add("x/z"), add("xy")], commit_message="folder")
    api.create_commit(repo, [CommitOperationDelete("x")], commit_message="gone")
    assert paths(api, repo) == [".gitattributes", "xy"]


def test_stale_parent_is_refused_and_changes_nothing(api, repo):
    first = api.list_repo_commits(repo)[0].commit_id
    second = api.create_commit(repo, [add("a")], commit_message="a", parent_commit=first).oid
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_commit(repo, [add("b")], commit_message="b", parent_commit=first)
    assert refused.value.response.status_code == 412
    assert "Please refresh and try again." in str(refused.value)
    assert api.model_info(repo).sha == second


def test_utf8_content_is_accepted_beside_base64(hub, api, repo):
    lines = [HEADER, file("a", "größe"), file("b", base64.b64encode("größer".encode()).decode(), encoding="base64")]
    assert raw_commit(hub, repo, lines).status_code == 200
    get = get_session().get
    assert get(f"{hub.url}/{repo}/resolve/main/a").content == "größe".encode()
    assert get(f"{hub.url}/{repo}/resolve/main/b").content == "größer".encode()


MISSING_LFS = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": "0" * 64, "size": 3}}
BIG = base64.b64encode(b"x" * (REGULAR_SIZE_LIMIT + 1)).decode()
REFUSED = {
    "no operations": ([HEADER], 400, None),
    "no header": ([file("a")], 400, None),
    "empty summary": ([{"key": "header", "value": {"summary": " "}}, file("a")], 400, None),
    "not JSON": ([HEADER, b"{"], 400, None),
    "not an object": ([HEADER, b"[]"], 400, None),
    "unknown operation": ([HEADER, {"key": "chmod", "value": {"path": "a"}}], 400, None),
    "bad base64": ([HEADER, file("a", "!", encoding="base64")], 400, None),
    "too large for git": ([HEADER, file("a", BIG, encoding="base64")], 400, None),
    "LFS object never uploaded": ([HEADER, MISSING_LFS], 400, None),
    "LFS oid is no sha256": ([HEADER, {"key": "lfsFile", "value": {"path": "a", "oid": "../x"}}], 400, None),
    "LFS size is a lie": ([HEADER, {"key": "lfsFile", "value": {"path": "a", "oid": "0" * 64, "size": -1}}], 400, None),
    "pointer as a file": ([HEADER, file("a", bytes(Pointer("0" * 64, 3)).decode())], 400, None),
    "binary outside of LFS": ([HEADER, file("a", base64.b64encode(b"a\0b").decode(), encoding="base64")], 400, None),
    "unknown encoding": ([HEADER, file("a", encoding="utf-16")], 400, None),
    "content is no text": ([HEADER, file("a", 5)], 400, None),
    "body in UTF-16 cut short": ([json.dumps(HEADER).encode("utf-16")[:-1]], 400, None),
    "body is compressed": ([gzip.compress(json.dumps(HEADER).encode())], 400, None),
    "summary that is no Unicode": ([{"key": "header", "value": {"summary": "\ud800"}}, file("a")], 400, None),
    "content that is no Unicode": ([HEADER, file("a", "\ud800")], 400, None),
    "parent is a number": ([{"key": "header", "value": {"summary": "x", "parentCommit": 7}}, file("a")], 400, None),
    "parent is too short": ([{"key": "header", "value": {"summary": "x", "parentCommit": "a"}}, file("a")], 400, None),
    "file and folder of one name": ([HEADER, file("a/b/c"), file("a/b")], 400, None),
    "path that is no Unicode": ([HEADER, file("\ud800")], 422, None),
    "path with a NUL": ([HEADER, file("a\0b")], 422, None),
    "path with a dot": ([HEADER, file("a/./b")], 422, None),
    "path longer than a disk takes": ([HEADER, file("x" * 256)], 422, None),
    "git's own folder inside": ([HEADER, file("a/.GIT/hooks/x")], 422, None),
    "git's own folder to Windows": ([HEADER, file("git~1/config")], 422, None),
    "git's own folder to a Mac": ([HEADER, file(".g\u200cit/config")], 422, None),
    "climbs out as on Windows": ([HEADER, file("..\\x")], 422, None),
    "git's own folder behind a backslash": ([HEADER, file("a\\.git\\config")], 422, None),
    "path climbs out": ([HEADER, file("../a")], 422, None),
    "path climbs in the middle": ([HEADER, file("a/../../b")], 422, None),
    "absolute path": ([HEADER, file("/etc/passwd")], 422, None),
    "empty path": ([HEADER, file("")], 422, None),
    "git's own folder": ([HEADER, file(".git/config")], 422, None),
    "deletes a missing file": ([HEADER, {"key": "deletedFile", "value": {"path": "no"}}], 404, "EntryNotFound"),
    "deletes a missing folder": ([HEADER, {"key": "deletedFolder", "value": {"path": "no"}}], 404, "EntryNotFound"),
    "deletes a file as a folder": (
        [HEADER, {"key": "deletedFolder", "value": {"path": ".gitattributes"}}],
        404,
        "EntryNotFound",
    ),
}


@pytest.mark.parametrize(("lines", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_commit_is_refused_whole(hub, api, repo, lines, status, code):
    before = api.model_info(repo).sha
    answer = raw_commit(hub, repo, lines)
    assert (answer.status_code, answer.headers.get("X-Error-Code")) == (status, code)
    assert answer.json()["error"]
    assert answer.headers["X-Error-Message"]
    assert answer.headers["X-Request-Id"]
    assert api.model_info(repo).sha == before


@pytest.mark.parametrize("revision", ["nope", "v1", "0" * 40, "refs/pr/1", "refs/tags/v1", "refs/heads/nope"])
def test_commit_goes_on_branches_only(api, repo, revision):
    api.create_tag(repo, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.create_commit(repo, [add("a")], commit_message="a", revision=revision)


def test_strangers_readers_and_other_users_may_not_commit(hub, api, repo):
    lines = [HEADER, file("a")]
    reader, other = hub.add_user("acme", write=False), hub.add_user("rival")
    assert raw_commit(hub, repo, lines, token=reader).status_code == 403
    assert raw_commit(hub, repo, lines, token=other).status_code == 403
    assert raw_commit(hub, repo, lines, token="hf_wrong").status_code == 401
    unsigned = get_session().post(
        f"{hub.url}/api/models/{repo}/commit/main", content=b"\n".join(json.dumps(line).encode() for line in lines)
    )
    assert unsigned.status_code == 401
    assert paths(api, repo) == [".gitattributes"]


def test_member_of_the_organisation_may_commit(hub, repo):
    assert raw_commit(hub, repo, [HEADER, file("a")], token=hub.add_user("ann", orgs=("acme",))).status_code == 200


def test_lfs_paths_are_added_to_the_attributes(hub, api, repo):
    api.create_commit(repo, [add("odd name*.weights", b"\0\1\2")], commit_message="binary")
    attributes = Attributes(get_session().get(f"{hub.url}/{repo}/raw/main/.gitattributes").content)
    assert attributes.is_lfs("odd name*.weights")
    assert not attributes.is_lfs("odd nameX.weights")
    before = attributes.content
    api.create_commit(repo, [add("odd name*.weights", b"\0\1\3")], commit_message="again")
    assert get_session().get(f"{hub.url}/{repo}/raw/main/.gitattributes").content == before


UPLOAD_MODES = {
    "empty": ("a.safetensors", 0, b"", False),
    "by attribute": ("a.safetensors", 4, b"text", True),
    "by attribute in a folder": ("x/y/a.bin", 4, b"text", True),
    "text": ("a.txt", 4, b"text", False),
    "NUL": ("a.dat", 4, b"te\0t", True),
    "not UTF-8": ("a.dat", 40, b"\xff" * 8, True),
    "UTF-8 cut inside a character": ("a.txt", 999, "ä".encode() * 255 + b"\xc3", False),
    "just below the limit": ("a.txt", REGULAR_SIZE_LIMIT - 1, b"text", False),
    "at the limit": ("a.txt", REGULAR_SIZE_LIMIT, b"text", True),
}


@pytest.mark.parametrize(("path", "size", "sample", "large"), UPLOAD_MODES.values(), ids=UPLOAD_MODES.keys())
def test_upload_mode(hub, repo, path, size, sample, large):
    headers = {"Authorization": f"Bearer {hub.token}"}
    file = {"path": path, "size": size, "sample": base64.b64encode(sample).decode()}
    answer = (
        get_session()
        .post(f"{hub.url}/api/models/{repo}/preupload/main", json={"files": [file]}, headers=headers)
        .json()
    )
    assert answer["files"][0]["uploadMode"] == ("lfs" if large else "regular")


def test_preupload_honours_gitignore(hub, repo):
    headers = {"Authorization": f"Bearer {hub.token}"}
    files = [{"path": path, "size": 1, "sample": ""} for path in ("a.log", "a.txt")]
    body = {"files": files, "gitIgnore": "*.log\n"}
    answer = get_session().post(f"{hub.url}/api/models/{repo}/preupload/main", json=body, headers=headers).json()
    assert [file["shouldIgnore"] for file in answer["files"]] == [True, False]


def test_gitignore_of_the_repo_holds_until_another_comes(api, repo, tmp_path):
    folder = tmp_path / "folder"
    (folder / "nested").mkdir(parents=True)
    (folder / "nested" / "a.bin").write_bytes(b"\0")
    (folder / "b").write_text("b")
    api.create_commit(repo, [add(".gitignore", b"nested/*\n")], commit_message="ignore")
    api.upload_folder(repo_id=repo, folder_path=folder)
    assert paths(api, repo) == [".gitattributes", ".gitignore", "b"]
    (folder / ".gitignore").write_text("other\n")
    api.upload_folder(repo_id=repo, folder_path=folder)
    assert paths(api, repo) == [".gitattributes", ".gitignore", "b", "nested/a.bin"]


def test_unchanged_upload_makes_no_commit(api, repo):
    one = api.create_commit(repo, [add("a", b"1"), add("w.bin", b"\0")], commit_message="one").oid
    assert api.create_commit(repo, [add("a", b"1"), add("w.bin", b"\0")], commit_message="two").oid == one


def test_history_comes_in_pages(hub, api, repo):
    made = [api.create_commit(repo, [add("a", str(n).encode())], commit_message=f"n{n}").oid for n in range(7)]
    first = get_session().get(f"{hub.url}/api/models/{repo}/commits/main?limit=3")
    assert first.headers["X-Total-Count"] == "8"
    second = get_session().get(first.links["next"]["url"])
    assert [c["id"] for c in first.json() + second.json()] == made[:0:-1]
    third = get_session().get(second.links["next"]["url"])
    assert [c["title"] for c in third.json()] == ["n0", "initial commit"]
    assert "next" not in third.links


def test_commits_behind_a_merge_are_counted_once(hub, api, repo, git, clone):
    def total(revision):
        answer = get_session().get(f"{hub.url}/api/models/{repo}/commits/{revision}?limit=1")
        assert git("rev-list", "--count", revision, cwd=clone) == answer.headers["X-Total-Count"]
        return int(answer.headers["X-Total-Count"])

    git("checkout", "-q", "-b", "side", cwd=clone)
    git.commit(clone, "a", b"a")
    git("checkout", "-q", "main", cwd=clone)
    git.commit(clone, "b", b"b")
    git("merge", "-q", "--no-edit", "side", cwd=clone)
    merge, before = (git("rev-parse", name, cwd=clone) for name in ("HEAD", "HEAD^1"))
    git("push", "-q", "origin", "main", "side", cwd=clone)
    assert [total(revision) for revision in ("main", "main", "side")] == [4, 4, 2]
    # What is on top of a number that is known, and what is below it.
    for name in ("c", "d"):
        git.commit(clone, name, b"c")
        git("push", "-q", "origin", "main", cwd=clone)
    assert [total(revision) for revision in ("main", merge, before)] == [6, 4, 2]
    # Pages that begin before the merge, at it and behind it, and one behind the end.
    url = f"{hub.url}/api/models/{repo}/commits/main?limit=1&p="
    listed = [[commit["id"] for commit in get_session().get(f"{url}{page}").json()] for page in range(7)]
    assert listed[-1] == []
    assert [sha for page in listed for sha in page] == [commit.commit_id for commit in api.list_repo_commits(repo)]
    assert [page[0] for page in listed[:3]] == git("rev-list", "--max-count=3", "main", cwd=clone).splitlines()


def test_formatted_history_is_escaped(api, repo):
    api.create_commit(repo, [add("a")], commit_message="<b>", commit_description="&")
    newest = api.list_repo_commits(repo, formatted=True)[0]
    assert (newest.formatted_title, newest.formatted_message) == ("&lt;b&gt;", "&amp;")


CLIENT = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
api = HfApi()
for n in range(5):
    name = f"{sys.argv[1]}-{n}"
    files = [CommitOperationAdd(name + ".txt", name.encode()), CommitOperationAdd(name + ".bin", bytes(10) + name.encode())]
    api.create_commit("acme/router", files, commit_message=name)
"""


def test_two_processes_commit_at_once(hub, api, repo, git, git_dir):
    environment = {**os.environ, **hub.environment()}
    clients = [
        subprocess.Popen([sys.executable, "-c", CLIENT, name], env=environment, stderr=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]
    for client in clients:
        _, errors = client.communicate(timeout=90)
        assert client.returncode == 0, errors
    assert len(api.list_repo_commits(repo)) == 11
    expected = {f"{name}-{n}.{kind}" for name in ("left", "right") for n in range(5) for kind in ("txt", "bin")}
    assert set(paths(api, repo)) == expected | {".gitattributes"}
    git("fsck", "--strict", cwd=git_dir)


def test_of_racing_commits_with_one_parent_one_wins(hub, api, repo):
    parent = api.model_info(repo).sha
    header = {"key": "header", "value": {"summary": "race", "parentCommit": parent}}
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(raw_commit(hub, repo, [header, file(f"f{n}")]).status_code))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [412] * 7
    assert len(api.list_repo_commits(repo)) == 2


def test_pointer_is_parsed_only_if_it_is_one():
    good = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12\n"
    assert parse_pointer(good).size == 12
    for bad in (b"", b"x" + good, good + b"x", good.replace(b"a", b"g"), good.replace(b"12", b"")):
        assert parse_pointer(bad) is None


def test_missing_repo_is_told_apart_from_a_missing_file(api, repo):
    with pytest.raises(RepositoryNotFoundError):
        api.create_commit("acme/none", [add("a")], commit_message="a")
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [CommitOperationDelete("no")], commit_message="a")
