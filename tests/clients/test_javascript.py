from __future__ import annotations

import hashlib
import os

import pytest
from clients.javascript import Client, JsError, install
from huggingface_hub import CommitOperationAdd
from tools import needs

LARGE = os.urandom(300_000)


@pytest.fixture(scope="module")
def js(hub, request):
    needs("node", "npm")
    client = Client(install(request.config.cache.mkdir("npm")), hub.url, hub.token)
    yield client
    client.close()


def model(name):
    return {"type": "model", "name": name}


def commit(api, repo, files, revision="main"):
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(repo, operations, commit_message="by Python", revision=revision).oid


def test_repo_is_made_found_and_deleted(js, api, name):
    made = js("createRepo", repo=model(name), visibility="private")
    assert made == {"id": name, "repoUrl": f"{api.endpoint}/{name}"}
    assert api.model_info(name).private
    assert js("repoExists", repo=model(name))
    js("checkRepoAccess", repo=model(name))
    js("deleteRepo", repo=model(name))
    assert not js("repoExists", repo=model(name))
    with pytest.raises(JsError) as refused:
        js("checkRepoAccess", repo=model(name))
    assert refused.value.status == 404


def test_repo_is_made_with_files_of_its_own(js, api, name):
    attributes = b"*.html filter=lfs diff=lfs merge=lfs -text"
    files = [{"path": ".gitattributes", "content": attributes}, {"path": "a/b.txt", "content": b"b"}]
    js("createRepo", repo=model(name), files=files, license="mit")
    assert js("downloadFile", repo=model(name), path=".gitattributes") == attributes
    assert js("downloadFile", repo=model(name), path="a/b.txt") == b"b"
    assert api.model_info(name).card_data.license == "mit"
    assert [c.title for c in api.list_repo_commits(name)] == ["initial commit"]


def test_a_second_repo_of_the_name_is_a_conflict(js, repo):
    with pytest.raises(JsError) as refused:
        js("createRepo", repo=model(repo))
    assert refused.value.status == 409


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_every_kind_of_repo_takes_and_gives_files(js, api, name, kind):
    repo = {"type": kind, "name": name}
    js("createRepo", repo=repo, **({"sdk": "static"} if kind == "space" else {}))
    js("uploadFile", repo=repo, file={"path": "a.txt", "content": b"a"})
    assert js("downloadFile", repo=repo, path="a.txt") == b"a"
    assert js(f"{kind}Info", name=name, additionalFields=["sha"])["sha"] == api.repo_info(name, repo_type=kind).sha
    js("deleteRepo", repo=repo)
    assert not api.repo_exists(name, repo_type=kind)


@pytest.mark.parametrize("xet", [False, True], ids=["by LFS", "by Xet"])
def test_upload_of_regular_and_large_files(js, api, repo, xet):
    large = os.urandom(300_000)
    files = {"a.txt": b"a", "sub/b.json": b"{}", "model.safetensors": large, "copy.bin": large}
    uploaded = [{"path": path, "content": content} for path, content in files.items()]
    done = js("uploadFiles", repo=model(repo), files=uploaded, commitTitle="all", useXet=xet)
    assert done["commit"]["oid"] == api.model_info(repo).sha
    shown = {f["path"]: f for f in js("listFiles", repo=model(repo), recursive=True)}
    assert shown["model.safetensors"]["lfs"]["oid"] == hashlib.sha256(large).hexdigest()
    assert ("xetHash" in shown["model.safetensors"]) == xet
    assert "lfs" not in shown["a.txt"]
    for path, content in files.items():
        assert js("downloadFile", repo=model(repo), path=path) == content
        assert js("downloadFile", repo=model(repo), path=path, xet=False) == content
    assert js("downloadFile", repo=model(repo), path="copy.bin", slice=[1000, 250_000]) == large[1000:250_000]
    again = js("uploadFiles", repo=model(repo), files=uploaded, commitTitle="again", useXet=xet)
    assert again["commit"]["oid"] == api.model_info(repo).sha


def test_file_that_repeats_another_downloads_by_xet(js, repo):
    js("uploadFile", repo=model(repo), file={"path": "one.bin", "content": LARGE})
    js("uploadFile", repo=model(repo), file={"path": "two.bin", "content": LARGE + b"more"})
    assert js("downloadFile", repo=model(repo), path="two.bin") == LARGE + b"more"
    assert js("downloadFile", repo=model(repo), path="two.bin", slice=[299_990, 300_004]) == LARGE[-10:] + b"more"


def test_listing(js, api, repo):
    sha = commit(api, repo, {"b/c.txt": b"c", "b/d/e.txt": b"e", "a.txt": b"a"})
    listed = js("listFiles", repo=model(repo))
    assert {(f["path"], f["type"]) for f in listed} == {
        (".gitattributes", "file"),
        ("a.txt", "file"),
        ("b", "directory"),
    }
    expanded = js("listFiles", repo=model(repo), path="b", recursive=True, expand=True)
    assert {f["path"]: f["lastCommit"]["id"] for f in expanded} == dict.fromkeys(["b/c.txt", "b/d", "b/d/e.txt"], sha)


def test_listing_goes_over_pages(js, api, repo):
    commit(api, repo, {f"f{n:04}": b"" for n in range(1100)})
    assert len(js("listFiles", repo=model(repo))) == 1101


def test_paths_are_described(js, api, repo):
    sha = commit(api, repo, {"a.txt": b"abc", "w.bin": LARGE})
    found = js("pathsInfo", repo=model(repo), paths=["a.txt", "w.bin", "none"], expand=True, revision=sha)
    assert [(f["path"], f["size"], f["lastCommit"]["id"]) for f in found] == [
        ("a.txt", 3, sha),
        ("w.bin", 300_000, sha),
    ]


def test_download_info(js, api, repo):
    commit(api, repo, {"a.txt": b"abc", "w.bin": LARGE})
    plain = js("fileDownloadInfo", repo=model(repo), path="a.txt")
    assert (plain["size"], plain["etag"]) == (3, '"f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"')
    large = js("fileDownloadInfo", repo=model(repo), path="w.bin")
    assert (large["size"], large["etag"]) == (300_000, f'"{hashlib.sha256(LARGE).hexdigest()}"')
    pointer = js("fileDownloadInfo", repo=model(repo), path="w.bin", raw=True)
    assert pointer["size"] == 131
    assert js("fileDownloadInfo", repo=model(repo), path="none") is None
    assert js("fileExists", repo=model(repo), path="a.txt")
    assert not js("fileExists", repo=model(repo), path="none")


def test_history(js, api, repo):
    shas = [commit(api, repo, {"a.txt": str(number).encode()}) for number in range(4)]
    listed = js("listCommits", repo=model(repo), batchSize=2)
    assert [c["oid"] for c in listed][:4] == shas[::-1]
    assert (listed[0]["title"], listed[0]["authors"][0]["username"]) == ("by Python", "acme")
    assert js("countCommits", repo=model(repo)) == 5
    assert js("countCommits", repo=model(repo), revision=shas[0]) == 2


def test_branches_are_made_moved_and_deleted(js, api, repo):
    first = api.model_info(repo).sha
    second = commit(api, repo, {"a.txt": b"a"})
    js("createBranch", repo=model(repo), branch="side", revision=first)
    with pytest.raises(JsError) as refused:
        js("createBranch", repo=model(repo), branch="side")
    assert refused.value.status == 409
    assert api.model_info(repo, revision="side").sha == first
    js("createBranch", repo=model(repo), branch="side", revision=second, overwrite=True)
    assert api.model_info(repo, revision="side").sha == second
    js("createBranch", repo=model(repo), branch="side", revision=first, overwrite=True)
    assert api.model_info(repo, revision="side").sha == first
    js("createBranch", repo=model(repo), branch="side", empty=True, overwrite=True)
    assert js("downloadFile", repo=model(repo), path=".gitattributes", revision="side") is None
    js("deleteBranch", repo=model(repo), branch="side")
    assert [b.name for b in api.list_repo_refs(repo).branches] == ["main"]
    with pytest.raises(JsError):
        js("deleteBranch", repo=model(repo), branch="main")


def test_commit_on_an_old_parent_is_refused(js, api, repo):
    first = api.model_info(repo).sha
    second = commit(api, repo, {"a.txt": b"a"})
    operations = [{"operation": "addOrUpdate", "path": "b.txt", "content": b"b"}]
    with pytest.raises(JsError) as refused:
        js("commit", repo=model(repo), title="late", operations=operations, parentCommit=first)
    assert refused.value.status == 412
    js("commit", repo=model(repo), title="in time", operations=operations, parentCommit=second)


def test_edit_and_deletion(js, api, repo):
    commit(api, repo, {"a.txt": b"hello world", "b.txt": b"b", "c.txt": b"c"})
    edit = {"start": 0, "end": 5, "content": b"bye"}
    operations = [
        {"operation": "edit", "path": "a.txt", "originalContent": b"hello world", "edits": [edit]},
        {"operation": "delete", "path": "b.txt"},
    ]
    js("commit", repo=model(repo), title="edit", operations=operations)
    js("deleteFile", repo=model(repo), path="c.txt")
    assert js("downloadFile", repo=model(repo), path="a.txt") == b"bye world"
    assert api.list_repo_files(repo) == [".gitattributes", "a.txt"]
    commit(api, repo, {"d.txt": b"d", "e.txt": b"e"})
    js("deleteFiles", repo=model(repo), paths=["d.txt", "e.txt"])
    assert api.list_repo_files(repo) == [".gitattributes", "a.txt"]
    with pytest.raises(JsError) as refused:
        js("deleteFile", repo=model(repo), path="none.txt")
    assert refused.value.status == 404


def test_pull_request_is_opened_and_extended(js, api, repo):
    opened = js(
        "uploadFile",
        repo=model(repo),
        file={"path": "a.txt", "content": b"a"},
        isPullRequest=True,
        commitTitle="Better",
    )
    number = int(opened["pullRequestUrl"].rpartition("/")[2])
    operations = [{"operation": "addOrUpdate", "path": "b.bin", "content": LARGE}]
    js("commit", repo=model(repo), branch=f"refs/pr/{number}", title="more", operations=operations)
    assert api.list_repo_files(repo, revision=f"refs/pr/{number}") == [".gitattributes", "a.txt", "b.bin"]
    assert api.list_repo_files(repo) == [".gitattributes"]
    assert len(js("listFiles", repo=model(repo), revision=f"refs/pr/{number}")) == 3
    assert len(js("listCommits", repo=model(repo), revision=f"refs/pr/{number}")) == 3
    assert js("downloadFile", repo=model(repo), path="b.bin", revision=f"refs/pr/{number}") == LARGE
    assert api.get_discussion_details(repo, number).status == "open"


def test_repos_are_listed_and_described(js, api, repo):
    sha = commit(api, repo, {"README.md": b"---\npipeline_tag: text-generation\ntags: [rare]\n---\n"})
    mine = js("listModels", search={"owner": "acme", "tags": ["rare"]}, additionalFields=["sha", "author"])
    assert [(m["name"], m["task"], m["sha"], m["author"]) for m in mine] == [(repo, "text-generation", sha, "acme")]
    one = js("modelInfo", name=repo, additionalFields=["sha", "cardData"])
    assert (one["sha"], one["cardData"]["tags"], one["private"]) == (sha, ["rare"], False)
    assert js("listModels", search={"owner": "nobody"}) == []


def test_who_am_i(js):
    me = js("whoAmI")
    assert (me["type"], me["name"], me["auth"]["type"]) == ("user", "acme", "access_token")
    with pytest.raises(JsError) as refused:
        js("whoAmI", accessToken="hf_" + "x" * 30)
    assert refused.value.status == 401


def test_snapshot_is_laid_out_as_pythons(js, api, repo, tmp_path):
    sha = commit(api, repo, {"sub/a.txt": b"a", "w.bin": LARGE})
    folder = js("snapshotDownload", repo=model(repo), cacheDir=str(tmp_path))
    assert folder == str(tmp_path / f"models--{repo.replace('/', '--')}" / "snapshots" / sha)
    assert (tmp_path / folder / "w.bin").read_bytes() == LARGE
    assert (tmp_path / folder / "sub" / "a.txt").read_bytes() == b"a"


def test_read_only_token_may_not_write(js, hub, repo):
    reader = hub.add_user("acme", write=False)
    with pytest.raises(JsError) as refused:
        js("uploadFile", repo=model(repo), file={"path": "a.txt", "content": b"a"}, accessToken=reader)
    assert refused.value.status == 403
