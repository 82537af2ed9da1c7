"""Xet with the real client: every upload and download here is a process of its own with hf_xet on."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
from array import array
from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils import get_session
from xet_client import DOWNLOAD, UPLOAD, disk, download, finish, random_bytes, run_client, speaks_xet, start_client

from hubver.localhub import LocalHub

REPO = "acme/router"
SERVE = """
import json, sys
from hubver.localhub import LocalHub
with LocalHub(sys.argv[1]) as hub:
    print(json.dumps(hub.environment()), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    """Where the client's files are before they are uploaded."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


FILES = {
    "small.bin": b"\0 and a few bytes more",
    "empty.bin": b"",
    "one-chunk.bin": random_bytes(8 * 2**10),
    "largest-chunk.bin": bytes(128 * 2**10),
    "random.bin": random_bytes(30 * 10**6),
    "text.bin": b"".join(b"line %d of a log that repeats itself\n" % n for n in range(40_000)),
    "floats.bin": array("f", (random.Random(1).gauss(0, 0.02) for _ in range(200_001))).tobytes(),
    "odd-floats.bin": array("f", (n / 7 for n in range(50_000))).tobytes() + b"\1\2\3",
}


def test_files_come_back_as_they_were(hub, folder, tmp_path):
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    run_client(hub, tmp_path / "up", UPLOAD, folder)
    assert not list((hub.root / "lfs").rglob("*")), "hf_xet was not used"
    assert disk(hub) < 0.98 * sum(map(len, FILES.values())), "the text was not kept compressed"

    found = download(hub, tmp_path / "down")
    assert {name: found[name] == content for name, content in FILES.items()} == dict.fromkeys(FILES, True)
    assert speaks_xet(tmp_path / "down")

    found = download(hub, tmp_path / "plain", HF_HUB_DISABLE_XET="1")
    assert {name: found[name] == content for name, content in FILES.items()} == dict.fromkeys(FILES, True)
    assert not speaks_xet(tmp_path / "plain")


def test_changing_one_percent_adds_little(hub, folder, tmp_path):
    before = random_bytes(40 * 10**6)
    (folder / "w.bin").write_bytes(before)
    first = run_client(hub, tmp_path / "first", UPLOAD, folder)
    used = disk(hub)

    at, size = len(before) // 3, len(before) // 100
    after = before[:at] + random_bytes(size, seed=1) + before[at + size :]
    (folder / "w.bin").write_bytes(after)
    # Another home, so that this client can know from the Hub alone what is there.
    run_client(hub, tmp_path / "second", UPLOAD, folder)
    assert disk(hub) - used < 0.03 * len(before)

    ways = {
        "newest": {},
        "version-1": {"HF_XET_CLIENT_RECONSTRUCTION_API_VERSION": "1"},
        "multipart": {"HF_XET_CLIENT_ENABLE_MULTIRANGE_FETCHING": "true"},
        "plain": {"HF_HUB_DISABLE_XET": "1"},
    }
    for name, environment in ways.items():
        assert download(hub, tmp_path / name, **environment)["w.bin"] == after, name
    assert download(hub, tmp_path / "old", first)["w.bin"] == before


def test_chunks_of_two_files_are_stored_once(hub, folder, tmp_path):
    (folder / "a.bin").write_bytes(random_bytes(3 * 10**6))
    run_client(hub, tmp_path / "first", UPLOAD, folder)
    used = disk(hub)
    (folder / "b.bin").write_bytes(random_bytes(3 * 10**6) + b"and an end of its own")
    run_client(hub, tmp_path / "second", UPLOAD, folder)
    assert disk(hub) - used < 200_000
    assert download(hub, tmp_path / "down")["b.bin"] == (folder / "b.bin").read_bytes()


def test_processes_upload_and_download_at_once(hub, api, repo, tmp_path):
    clients, expected = [], {}
    for number in range(4):
        folder = tmp_path / f"folder{number}"
        folder.mkdir()
        expected[f"{number}.bin"] = random_bytes(2 * 10**6, seed=number)
        (folder / f"{number}.bin").write_bytes(expected[f"{number}.bin"])
        clients.append(start_client(hub.environment(), tmp_path / "home", UPLOAD, folder))
    for client in clients:
        finish(client)
    clients = [start_client(hub.environment(), tmp_path / f"down{n}", DOWNLOAD, "main") for n in range(4)]
    for client in clients:
        found = {path.name: path.read_bytes() for path in Path(finish(client)).glob("*.bin")}
        assert {name: found[name] == content for name, content in expected.items()} == dict.fromkeys(expected, True)


def test_clients_with_lfs_and_with_xet_see_the_same(hub, api, repo, folder, tmp_path):
    by_lfs, by_xet = random_bytes(2 * 10**6, seed=1), random_bytes(2 * 10**6, seed=2)
    api.upload_file(path_or_fileobj=by_lfs, path_in_repo="lfs.bin", repo_id=REPO)
    (folder / "xet.bin").write_bytes(by_xet)
    run_client(hub, tmp_path / "up", UPLOAD, folder)
    assert len(list((hub.root / "lfs").rglob("?" * 64))) == 1

    for name, content, in_xet in (("lfs.bin", by_lfs, False), ("xet.bin", by_xet, True)):
        metadata = get_hf_file_metadata(hf_hub_url(REPO, name, endpoint=hub.url), token=hub.token)
        assert (metadata.size, metadata.etag) == (len(content), hashlib.sha256(content).hexdigest())
        assert (metadata.xet_file_data is not None) == in_xet
        path = hf_hub_download(REPO, name, cache_dir=tmp_path / "cache", endpoint=hub.url, token=hub.token)
        assert Path(path).read_bytes() == content
    found = download(hub, tmp_path / "down")
    assert (found["lfs.bin"] == by_lfs, found["xet.bin"] == by_xet) == (True, True)

    for listed in (api.list_repo_tree(REPO), api.get_paths_info(REPO, ["lfs.bin", "xet.bin"])):
        hashes = {file.path: file.xet_hash for file in listed}
        assert (hashes["lfs.bin"], len(hashes["xet.bin"])) == (None, 64)

    # What is here by one way need not be sent by the other.
    used = disk(hub)
    api.upload_file(path_or_fileobj=by_xet, path_in_repo="again.bin", repo_id=REPO)
    assert disk(hub) == used


def test_file_of_xet_by_ranges_batch_and_git(hub, api, repo, git, url, folder, tmp_path):
    content = random_bytes(10**6)
    (folder / "w.bin").write_bytes(content)
    run_client(hub, tmp_path / "up", UPLOAD, folder)
    address = f"{hub.url}/{REPO}/resolve/main/w.bin"
    for asked, expected in {
        "bytes=0-0": content[:1],
        "bytes=8191-8192": content[8191:8193],
        "bytes=131071-700000": content[131071:700001],
        "bytes=999999-": content[-1:],
        "bytes=-300000": content[-300000:],
        "bytes=5-2000000": content[5:],
    }.items():
        answer = get_session().get(address, headers={"Range": asked})
        assert (answer.status_code, answer.content == expected) == (206, True), asked
    assert get_session().get(address, headers={"Range": "bytes=1000000-"}).status_code == 416

    oid = hashlib.sha256(content).hexdigest()
    wanted = {"operation": "download", "objects": [{"oid": oid, "size": len(content)}]}
    batch = get_session().post(f"{hub.url}/{REPO}.git/info/lfs/objects/batch", json=wanted).json()
    assert get_session().get(batch["objects"][0]["actions"]["download"]["href"]).content == content

    git("-c", "filter.lfs.smudge=", "-c", "filter.lfs.required=false", "clone", "-q", url, tmp_path / "clone")
    pointer = (tmp_path / "clone" / "w.bin").read_text()
    assert f"oid sha256:{oid}\nsize {len(content)}\n" in pointer


def test_upload_to_a_pull_request(hub, api, repo, tmp_path):
    script = (
        "from huggingface_hub import HfApi\n"
        "print(HfApi().upload_file(path_or_fileobj=b'\\0' * 10**6, path_in_repo='w.bin', repo_id='acme/router',"
        " create_pr=True).pr_revision)"
    )
    assert run_client(hub, tmp_path / "up", script) == "refs/pr/1"
    assert download(hub, tmp_path / "down", "refs/pr/1")["w.bin"] == bytes(10**6)


def test_deleted_file_is_gone_until_it_comes_again(hub, api, folder, tmp_path):
    content = random_bytes(10**6)
    (folder / "w.bin").write_bytes(content)
    run_client(hub, tmp_path / "up", UPLOAD, folder)
    api.permanently_delete_lfs_files(REPO, list(api.list_lfs_files(REPO)), rewrite_history=False)
    assert get_session().get(f"{hub.url}/{REPO}/resolve/main/w.bin").status_code == 404
    (folder / "again.bin").write_bytes(content)
    run_client(hub, tmp_path / "again", UPLOAD, folder)
    assert download(hub, tmp_path / "down")["again.bin"] == content


def test_private_file_needs_a_token(hub, api, folder, tmp_path):
    api.create_repo(REPO, private=True)
    (folder / "w.bin").write_bytes(random_bytes(10**6))
    run_client(hub, tmp_path / "up", UPLOAD, folder)
    assert download(hub, tmp_path / "down")["w.bin"] == random_bytes(10**6)
    stranger = start_client(hub.environment(), tmp_path / "stranger", DOWNLOAD, "main", HF_TOKEN="")
    assert "RepositoryNotFoundError" in stranger.communicate(timeout=120)[1]


def test_file_outlives_a_killed_server(folder, tmp_path):
    content = random_bytes(3 * 10**6)
    (folder / "w.bin").write_bytes(content)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path / "hub")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        environment = json.loads(server.stdout.readline())
        finish(start_client(environment, tmp_path / "up", UPLOAD, folder))
        server.send_signal(signal.SIGKILL)
    with LocalHub(tmp_path / "hub") as hub:
        assert download(hub, tmp_path / "down")["w.bin"] == content
        assert download(hub, tmp_path / "plain", HF_HUB_DISABLE_XET="1")["w.bin"] == content


def test_new_hub_at_an_old_address_is_not_taken_for_the_old_one(folder, tmp_path):
    """A client remembers which chunks it has sent to an address, and would not send them again."""
    (folder / "w.bin").write_bytes(random_bytes(10**6))
    with LocalHub(tmp_path / "old") as hub:
        port = int(hub.url.rpartition(":")[2])
        run_client(hub, tmp_path / "home", UPLOAD, folder)
    with LocalHub(tmp_path / "new", port=port) as hub:
        run_client(hub, tmp_path / "home", UPLOAD, folder)
        assert download(hub, tmp_path / "down")["w.bin"] == random_bytes(10**6)


def test_hub_without_xet_takes_lfs(folder, tmp_path):
    (folder / "w.bin").write_bytes(random_bytes(10**6))
    with LocalHub(tmp_path / "hub", xet=False) as hub:
        assert hub.environment()["HF_HUB_DISABLE_XET"] == "1"
        run_client(hub, tmp_path / "up", UPLOAD, folder)
        assert not (hub.root / "xet").exists()
        assert download(hub, tmp_path / "down")["w.bin"] == random_bytes(10**6)
        # hf_xet shows its user nothing of an error but the address, so that must say what to do.
        client = start_client(hub.environment(), tmp_path / "xet", UPLOAD, folder, HF_HUB_DISABLE_XET="0")
        (folder / "w.bin").write_bytes(random_bytes(10**6, seed=1))
        assert "HF_HUB_DISABLE_XET=1" in client.communicate(timeout=120)[1]
        assert client.returncode != 0


def test_hub_that_stops_speaking_xet_still_gives_what_it_has(folder, tmp_path):
    (folder / "w.bin").write_bytes(random_bytes(10**6))
    with LocalHub(tmp_path / "hub") as hub:
        run_client(hub, tmp_path / "up", UPLOAD, folder)
    with LocalHub(tmp_path / "hub", xet=False) as hub:
        assert HfApi(endpoint=hub.url, token=hub.token).file_exists(REPO, "w.bin")
        assert download(hub, tmp_path / "down")["w.bin"] == random_bytes(10**6)
