from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from huggingface_hub import CommitOperationAdd, get_hf_file_metadata, get_session, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

from hubver.localhub.repos.paths import split_revision

TEXT = b"0123456789"
LARGE = os.urandom(3 * 2**20 + 7)


@pytest.fixture
def filled(api, repo):
    files = [CommitOperationAdd("dir/a b%.txt", TEXT), CommitOperationAdd("w.safetensors", LARGE)]
    return api.create_commit(repo, files, commit_message="files").oid


def get(hub, path, **headers):
    return get_session().get(f"{hub.url}/{path}", headers=headers)


def test_regular_file_is_served_with_its_git_id(hub, api, repo, filled):
    answer = get(hub, "acme/router/resolve/main/dir/a%20b%25.txt")
    assert answer.content == TEXT
    blob = hashlib.sha1(b"blob 10\0" + TEXT).hexdigest()
    assert answer.headers["ETag"] == f'"{blob}"'
    assert answer.headers["X-Repo-Commit"] == filled
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "a b%25.txt" not in answer.headers["Content-Disposition"]
    assert "filename*=UTF-8''a%20b%25.txt" in answer.headers["Content-Disposition"]


def test_large_file_is_served_with_its_sha256(hub, repo, filled):
    answer = get(hub, "acme/router/resolve/main/w.safetensors")
    assert answer.content == LARGE
    sha = hashlib.sha256(LARGE).hexdigest()
    assert (answer.headers["ETag"], answer.headers["X-Linked-Etag"]) == (f'"{sha}"', f'"{sha}"')
    assert answer.headers["X-Linked-Size"] == str(len(LARGE))
    assert get(hub, "acme/router/raw/main/w.safetensors").text.startswith("version https://git-lfs")


@pytest.mark.parametrize("name", ["dir/a b%.txt", "w.safetensors"])
def test_head_tells_all_and_sends_nothing(hub, repo, filled, name):
    url = f"{hub.url}/acme/router/resolve/main/{name.replace('%', '%25').replace(' ', '%20')}"
    head, full = get_session().head(url), get_session().get(url)
    assert (head.status_code, head.content) == (200, b"")
    for header in ("ETag", "Content-Length", "X-Repo-Commit", "Accept-Ranges", "Content-Disposition"):
        assert head.headers[header] == full.headers[header]
    metadata = get_hf_file_metadata(url)
    assert (metadata.commit_hash, metadata.size) == (filled, len(full.content))
    assert metadata.xet_file_data is None


RANGES = {
    "first": ("bytes=0-3", 206, b"0123"),
    "middle": ("bytes=2-4", 206, b"234"),
    "to the end": ("bytes=7-", 206, b"789"),
    "last ones": ("bytes=-2", 206, b"89"),
    "more than there is at the end": ("bytes=-99", 206, TEXT),
    "beyond the end is cut": ("bytes=8-99", 206, b"89"),
    "starts at the end": ("bytes=10-", 416, None),
    "backwards": ("bytes=5-2", 416, None),
    "nothing from the end": ("bytes=-0", 416, None),
    "several are not served apart": ("bytes=0-1,3-4", 200, TEXT),
    "other unit": ("lines=1-2", 200, TEXT),
    "empty": ("bytes=-", 200, TEXT),
}


@pytest.mark.parametrize(("asked", "status", "content"), RANGES.values(), ids=RANGES.keys())
def test_range_of_a_regular_file(hub, repo, filled, asked, status, content):
    answer = get(hub, "acme/router/resolve/main/dir/a%20b%25.txt", Range=asked)
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["Content-Range"] == "bytes */10"
    else:
        assert answer.content == content
    if status == 206:
        start = TEXT.index(content)
        assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(content) - 1}/10"


def test_range_of_a_large_file_across_pieces(hub, repo, filled):
    answer = get(hub, "acme/router/resolve/main/w.safetensors", Range="bytes=1048570-2097160")
    assert (answer.status_code, answer.content) == (206, LARGE[1048570:2097161])
    assert get(hub, "acme/router/resolve/main/w.safetensors", Range=f"bytes={len(LARGE)}-").status_code == 416


@pytest.mark.parametrize("revision", ["main", "v1", "feature%2Fx", "refs%2Fpr%2F1", "refs/pr/1", "refs/heads/main"])
def test_every_kind_of_revision_resolves(hub, api, repo, filled, revision):
    api.create_tag(repo, tag="v1")
    api.create_branch(repo, branch="feature/x")
    api.create_pull_request(repo, title="Change")
    for path in (f"acme/router/resolve/{revision}/dir/a%20b%25.txt", f"api/models/acme/router/tree/{revision}/dir"):
        answer = get(hub, path)
        assert (answer.status_code, answer.headers["X-Repo-Commit"]) == (200, filled)


def test_client_downloads_file_and_snapshot(hub, api, repo, filled, tmp_path):
    at = {"endpoint": hub.url, "token": hub.token, "cache_dir": tmp_path / "cache"}
    file = hf_hub_download(repo, "w.safetensors", **at)
    assert Path(file).read_bytes() == LARGE
    folder = snapshot_download(repo, revision="main", **at)
    assert folder.endswith(filled)
    assert sorted(entry.name for entry in Path(folder).iterdir()) == [".gitattributes", "dir", "w.safetensors"]
    with pytest.raises(EntryNotFoundError) as missing:
        hf_hub_download(repo, "none.txt", **at)
    assert missing.value.response.headers["X-Repo-Commit"] == filled
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(repo, "w.safetensors", revision="none", **at)
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo, "dir", **at)


def test_name_that_climbs_on_windows_is_kept_and_the_client_refuses_it(hub, api, repo, git, url, tmp_path):
    name = "dir/..\\..\\..\\file"
    api.upload_file(path_or_fileobj=TEXT, path_in_repo=name, repo_id=repo)
    assert get(hub, f"acme/router/resolve/main/{quote(name)}").content == TEXT
    with pytest.raises(ValueError, match="Invalid filename"):
        hf_hub_download(repo, name, endpoint=hub.url, cache_dir=tmp_path / "cache")
    git("clone", "-q", url, tmp_path / "clone")
    assert (tmp_path / "clone" / name).read_bytes() == TEXT


def test_dataset_files_are_under_datasets(hub, api, repo, tmp_path):
    api.create_repo("acme/tickets", repo_type="dataset")
    api.upload_file(path_or_fileobj=b"rows", path_in_repo="a.csv", repo_id="acme/tickets", repo_type="dataset")
    at = {"endpoint": hub.url, "token": hub.token, "cache_dir": tmp_path / "cache"}
    file = hf_hub_download("acme/tickets", "a.csv", repo_type="dataset", **at)
    assert Path(file).read_bytes() == b"rows"
    assert get(hub, "acme/tickets/resolve/main/a.csv").headers["X-Error-Code"] == "RepoNotFound"


def test_tree_lists_and_pages(hub, api, repo, filled):
    entries = {e.path: e for e in api.list_repo_tree(repo, recursive=True, expand=True)}
    assert list(entries) == ["dir", ".gitattributes", "dir/a b%.txt", "w.safetensors"]
    assert entries["w.safetensors"].lfs.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert entries["dir"].last_commit.oid == filled
    assert entries[".gitattributes"].last_commit.title == "initial commit"
    assert [e.path for e in api.list_repo_tree(repo)] == ["dir", ".gitattributes", "w.safetensors"]
    first = get(hub, "api/models/acme/router/tree/main?recursive=1&limit=3")
    second = get_session().get(first.links["next"]["url"])
    assert [e["path"] for e in first.json() + second.json()] == list(entries)
    assert "next" not in second.links
    for path in ("none", "w.safetensors/x"):
        with pytest.raises(EntryNotFoundError):
            list(api.list_repo_tree(repo, path))


def test_paths_info_by_form_and_by_json(hub, api, repo, filled):
    found = api.get_paths_info(repo, ["dir", "w.safetensors", "none"], expand=True)
    assert [(e.path, e.last_commit.oid) for e in found] == [("dir", filled), ("w.safetensors", filled)]
    url = f"{hub.url}/api/models/acme/router/paths-info/{filled}"
    answer = get_session().post(url, json={"paths": ["dir/a b%.txt"]}).json()
    assert [(e["path"], e["size"]) for e in answer] == [("dir/a b%.txt", 10)]
    assert get_session().post(url, json={"paths": 1}).status_code == 400


def test_bad_paging_is_refused(hub, repo):
    assert get(hub, "api/models/acme/router/tree/main?limit=-1").status_code == 400


@pytest.mark.parametrize(
    ("rest", "split"),
    [
        ("main/a/b", ("main", "a/b")),
        ("main", ("main", "")),
        ("refs%2Fpr%2F1/a%20b", ("refs/pr/1", "a b")),
        ("refs/pr/1/a", ("refs/pr/1", "a")),
        ("feature%2Frefs/x", ("feature/refs", "x")),
        ("", ("", "")),
    ],
)
def test_split_revision(rest, split):
    assert split_revision(rest) == split
