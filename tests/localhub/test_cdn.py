"""Large files by a redirect to another origin, as from the Hub to its CDN."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    HfFileSystem,
    close_session,
    get_hf_file_metadata,
    get_session,
    hf_hub_download,
    snapshot_download,
)
from tools import needs

from hubver.localhub import LocalHub, Switches, Truncate

TEXT = b"0123456789"
LARGE = os.urandom(2**20 + 7)
SHA = hashlib.sha256(LARGE).hexdigest()
FILE = "acme/router/resolve/main/dir/w%C3%A4.safetensors"
UP_AND_DOWN = """
import sys
from huggingface_hub import hf_hub_download, upload_file
upload_file(path_or_fileobj=sys.argv[1], path_in_repo="w.bin", repo_id="acme/router")
print(hf_hub_download("acme/router", "w.bin"))
"""


class Clock:
    def __init__(self):
        self.now = 1_900_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(tmp_path, clock):
    with LocalHub(tmp_path / "hub", switches=Switches(large_files="another_origin"), clock=clock) as running:
        yield running


@pytest.fixture
def filled(api):
    api.create_repo("acme/router", private=True)
    files = [CommitOperationAdd("a.txt", TEXT), CommitOperationAdd("dir/wä.safetensors", LARGE)]
    return api.create_commit("acme/router", files, commit_message="files").oid


@pytest.fixture
def requests():
    """What the client sends in this process."""
    sent = []
    get_session().event_hooks = {"request": [*get_session().event_hooks["request"], sent.append], "response": []}
    yield sent
    close_session()


def ask(url, method="GET", **headers):
    return get_session().request(method, url, headers=headers, follow_redirects=False)


def resolve(hub, method="GET", path=FILE, **headers):
    return ask(f"{hub.url}/{path}", method, Authorization=f"Bearer {hub.token}", **headers)


def address(hub):
    return resolve(hub).headers["Location"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_redirect_says_all_of_the_file(hub, filled, method):
    answer = resolve(hub, method, Range="bytes=0-3")
    assert answer.status_code == 302
    assert answer.headers["X-Repo-Commit"] == filled
    assert answer.headers["X-Linked-Etag"] == f'"{SHA}"'
    assert answer.headers["X-Linked-Size"] == str(len(LARGE))
    assert "ETag" not in answer.headers
    there = urlsplit(answer.headers["Location"])
    assert there.hostname == urlsplit(hub.url).hostname
    assert there.port != urlsplit(hub.url).port


def test_address_needs_no_token_and_serves_ranges(hub, filled):
    url = address(hub)
    whole, head = ask(url), ask(url, "HEAD")
    assert (whole.status_code, whole.content) == (200, LARGE)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(LARGE)))
    assert whole.headers["ETag"] == f'"{SHA}"'
    assert "filename*=UTF-8''w%C3%A4.safetensors" in whole.headers["Content-Disposition"]
    assert "X-Repo-Commit" not in whole.headers
    part = ask(url, Range="bytes=5-8")
    assert (part.status_code, part.content) == (206, LARGE[5:9])
    assert part.headers["Content-Range"] == f"bytes 5-8/{len(LARGE)}"
    assert ask(url, Range=f"bytes={len(LARGE)}-").status_code == 416


def test_address_expires_and_the_next_one_works(hub, filled, clock):
    url = address(hub)
    clock.now += 3599
    assert ask(url).status_code == 200
    clock.now += 1
    assert ask(url).status_code == 403
    assert ask(address(hub)).content == LARGE


FORGED = {
    "other object": lambda url: url.replace(SHA, hashlib.sha256(b"x").hexdigest()),
    "other size": lambda url: url.replace(f"size={len(LARGE)}", "size=1"),
    "later": lambda url: url.replace("expires=1", "expires=2"),
    "other name": lambda url: url.replace("name=", "name=x"),
    "more facts": lambda url: url.replace("?", "?size=1&"),
    "no signature": lambda url: url.partition("&signature=")[0],
    "no query": lambda url: url.partition("?")[0],
    "other signature": lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_forged_address_is_refused(hub, filled, forge):
    url = address(hub)
    assert forge(url) != url
    assert ask(forge(url)).status_code == 403


def test_each_origin_serves_its_own(hub, filled):
    url = address(hub)
    cdn = url.partition("/large/")[0]
    assert ask(url.replace(cdn, hub.url)).status_code == 401  # as for any repo that there is not
    assert ask(f"{cdn}/api/models/acme/router", Authorization=f"Bearer {hub.token}").status_code == 404


def test_who_may_not_download_gets_no_address(hub, filled):
    assert ask(f"{hub.url}/{FILE}").status_code == 401


def test_small_files_are_served_by_the_hub(hub, filled):
    answer = resolve(hub, path="acme/router/resolve/main/a.txt")
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert resolve(hub, path="acme/router/raw/main/dir/w%C3%A4.safetensors").text.startswith("version https://git-lfs")


def test_curl_follows(hub, filled):
    command = ["curl", "-sSfL", "-r", "100-199", "-H", f"Authorization: Bearer {hub.token}", f"{hub.url}/{FILE}"]
    needs("curl")
    assert subprocess.run(command, capture_output=True, check=True, timeout=60).stdout == LARGE[100:200]


def test_client_downloads_and_keeps_its_token_to_the_hub(hub, filled, tmp_path, requests):
    at = {"endpoint": hub.url, "token": hub.token}
    metadata = get_hf_file_metadata(f"{hub.url}/{FILE}", token=hub.token)
    assert (metadata.commit_hash, metadata.etag, metadata.size) == (filled, SHA, len(LARGE))
    assert urlsplit(metadata.location).path == f"/large/{SHA}"
    file = hf_hub_download("acme/router", "dir/wä.safetensors", cache_dir=tmp_path / "one", **at)
    assert Path(file).read_bytes() == LARGE
    snapshot = Path(snapshot_download("acme/router", cache_dir=tmp_path / "all", **at))
    assert (snapshot / "dir/wä.safetensors").read_bytes() == LARGE
    assert (snapshot / "a.txt").read_bytes() == TEXT
    there = [request for request in requests if request.url.path.startswith("/large/")]
    assert [request.method for request in there] == ["GET", "GET"]
    assert all("Authorization" not in request.headers for request in there)
    assert all("Authorization" in request.headers for request in requests if request not in there)


def test_client_tries_again_where_a_download_breaks_off(hub, filled, tmp_path, requests):
    hub.faults.add("GET", "/large/*", Truncate(1000))
    file = hf_hub_download(
        "acme/router", "dir/wä.safetensors", endpoint=hub.url, token=hub.token, cache_dir=tmp_path / "cache"
    )
    assert Path(file).read_bytes() == LARGE
    assert [request.url.path for request in requests][1:] == [f"/large/{SHA}"] * 2


def test_file_system_reads_across_the_redirect(hub, filled):
    files = HfFileSystem(endpoint=hub.url, token=hub.token, skip_instance_cache=True)
    with files.open("acme/router/dir/wä.safetensors", "rb", block_size=1000) as file:
        file.seek(500_000)
        assert file.read(100) == LARGE[500_000:500_100]


def test_git_lfs_downloads_from_there(hub, filled, git, tmp_path):
    needs("git-lfs")
    git("lfs", "install")
    clone = tmp_path / "clone"
    git("clone", "-q", f"{hub.url}/acme/router".replace("http://", f"http://anyone:{hub.token}@"), clone)
    assert (clone / "dir/wä.safetensors").read_bytes() == LARGE
    batch = get_session().post(
        f"{hub.url}/acme/router.git/info/lfs/objects/batch",
        json={"operation": "download", "objects": [{"oid": SHA, "size": len(LARGE)}]},
        headers={"Authorization": f"Bearer {hub.token}"},
    )
    assert "/large/" in batch.json()["objects"][0]["actions"]["download"]["href"]


def test_redirect_leads_clients_with_xet_to_the_chunks(hub, repo, tmp_path):
    (tmp_path / "w.bin").write_bytes(LARGE)
    known = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_XET"}
    client = subprocess.run(
        [sys.executable, "-c", UP_AND_DOWN, tmp_path / "w.bin"],
        env={**known, **hub.environment(), "HF_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    downloaded = Path(client.stdout.strip())
    assert downloaded.read_bytes() == LARGE
    answer = resolve(hub, "HEAD", "acme/router/resolve/main/w.bin")
    assert answer.status_code == 302
    assert len(answer.headers["X-Xet-Hash"]) == 64
    token = f"/api/models/acme/router/xet-read-token/{downloaded.parent.name}"
    assert answer.links["xet-auth"]["url"] == hub.url + token
    assert ask(answer.headers["Location"], Range="bytes=-7").content == LARGE[-7:]


def test_redirect_keeps_the_name_by_which_the_hub_was_reached(hub, filled, tmp_path):
    url = hub.url.replace("127.0.0.1", "localhost")
    api = HfApi(endpoint=url, token=hub.token)
    file = api.hf_hub_download("acme/router", "dir/wä.safetensors", cache_dir=tmp_path / "cache")
    assert Path(file).read_bytes() == LARGE
    assert get_hf_file_metadata(f"{url}/{FILE}", token=hub.token).location.startswith("http://localhost:")
