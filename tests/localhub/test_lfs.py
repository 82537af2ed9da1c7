from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import socket
from urllib.parse import urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session

from hubver.localhub import LocalHub

CONTENT = os.urandom(100_000)
OID = hashlib.sha256(CONTENT).hexdigest()


def batch(hub, repo, operation="upload", transfers=("basic",), token=None, oid=OID):
    return get_session().post(
        f"{hub.url}/{repo}.git/info/lfs/objects/batch",
        json={"operation": operation, "transfers": list(transfers), "objects": [{"oid": oid, "size": len(CONTENT)}]},
        headers={"Authorization": f"Bearer {token or hub.token}"},
    )


def upload_action(hub, repo, **more):
    return batch(hub, repo, **more).json()["objects"][0]["actions"]


def put(url, content):
    return get_session().put(url, content=content)


def stored(hub):
    return [file.name for file in (hub.root / "lfs").rglob("*") if file.is_file()]


def test_object_goes_up_and_comes_down(hub, repo):
    actions = upload_action(hub, repo)
    assert put(actions["upload"]["href"], CONTENT).status_code == 200
    assert get_session().post(actions["verify"]["href"], json={"oid": OID, "size": len(CONTENT)}).status_code == 200
    assert "actions" not in batch(hub, repo).json()["objects"][0]
    href = batch(hub, repo, "download").json()["objects"][0]["actions"]["download"]["href"]
    assert get_session().get(href).content == CONTENT
    assert list((hub.root / "tmp").iterdir()) == []


BAD = {
    "other bytes": CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]),
    "too short": CONTENT[:-1],
    "too long": CONTENT + b"x",
    "nothing": b"",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_only_the_announced_bytes_are_kept(hub, repo, content):
    actions = upload_action(hub, repo)
    assert put(actions["upload"]["href"], content).status_code == (413 if len(content) > len(CONTENT) else 400)
    assert get_session().post(actions["verify"]["href"], json={}).status_code == 404
    assert stored(hub) == []
    assert list((hub.root / "tmp").iterdir()) == []


def test_address_works_only_as_it_was_signed(hub, repo):
    href = upload_action(hub, repo)["upload"]["href"]
    other = hashlib.sha256(b"other").hexdigest()
    for forged in (
        href.replace(OID, other),
        href.partition("?")[0],
        href[:-1] + ("0" if href[-1] != "0" else "1"),
        href.replace(f"/{len(CONTENT)}/", "/5/"),
    ):
        assert put(forged, b"other").status_code == 403
    assert stored(hub) == []


def test_upload_needs_a_token_that_writes(hub, repo):
    assert batch(hub, repo, token=hub.add_user("reader", write=False)).status_code == 403
    assert batch(hub, repo, token="hf_wrong").status_code == 401
    url = f"{hub.url}/{repo}.git/info/lfs/objects/batch"
    assert get_session().post(url, json={"operation": "upload", "objects": []}).status_code == 401


@pytest.mark.parametrize("oid", ["../../etc/passwd", "A" * 64, "0" * 63])
def test_only_a_sha256_is_an_object(hub, repo, oid):
    assert batch(hub, repo, oid=oid).status_code == 400


def test_missing_object_cannot_be_downloaded(hub, repo):
    assert batch(hub, repo, "download").json()["objects"][0]["error"]["code"] == 404


@pytest.fixture
def small_parts(tmp_path):
    with LocalHub(tmp_path / "parts", lfs_part_size=30_000) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
        yield hub


def test_client_uploads_in_parts(small_parts):
    api = HfApi(endpoint=small_parts.url, token=small_parts.token)
    for source in (CONTENT, io.BytesIO(CONTENT[:60_000])):
        api.create_commit("acme/router", [CommitOperationAdd("w.bin", source)], commit_message="weights")
    assert get_session().get(f"{small_parts.url}/acme/router/resolve/main/w.bin").content == CONTENT[:60_000]
    assert len(stored(small_parts)) == 2
    assert list((small_parts.root / "tmp").iterdir()) == []


def test_parts_that_are_missing_or_wrong_make_no_object(small_parts):
    upload = upload_action(small_parts, "acme/router", transfers=["basic", "multipart"])["upload"]
    urls = [url for number, url in sorted(upload["header"].items()) if number.isdigit()]
    assert len(urls) == 4
    for number, url in enumerate(urls[:3]):
        answer = put(url, CONTENT[number * 30_000 : (number + 1) * 30_000])
        assert answer.headers["ETag"]
    done = {"oid": OID, "parts": [{"partNumber": n, "etag": "x"} for n in range(1, 5)]}
    assert get_session().post(upload["href"], json=done).status_code == 400
    put(urls[3], b"wrong")
    assert get_session().post(upload["href"], json=done).status_code == 400
    assert stored(small_parts) == []
    put(urls[3], CONTENT[90_000:])
    assert get_session().post(upload["href"], json=done).status_code == 200
    assert stored(small_parts) == [OID]


def test_same_content_is_uploaded_once(hub, api, repo):
    api.create_repo("acme/other")
    for target in (repo, "acme/other"):
        api.create_commit(target, [CommitOperationAdd("w.bin", CONTENT)], commit_message="weights")
    assert stored(hub) == [OID]


def test_upload_cut_off_leaves_nothing(tmp_path):
    with LocalHub(tmp_path) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
        url = urlsplit(upload_action(hub, "acme/router")["upload"]["href"])
        with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
            head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
            connection.sendall(head.encode() + CONTENT[:-1])
    # The Hub has stopped, so it has done with the upload, however that came out.
    assert stored(hub) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_object_is_not_whole_while_a_part_still_arrives(small_parts):
    """Who holds a part open must not be able to write into an object that has been checked."""
    upload = upload_action(small_parts, "acme/router", transfers=["basic", "multipart"])["upload"]
    urls = [url for number, url in sorted(upload["header"].items()) if number.isdigit()]
    for number in range(1, 4):
        put(urls[number], CONTENT[number * 30_000 : (number + 1) * 30_000])
    done = {"oid": OID, "parts": [{"partNumber": n, "etag": "x"} for n in range(1, 5)]}
    host, _, path = urls[0].removeprefix("http://").partition("/")
    with contextlib.closing(http.client.HTTPConnection(host)) as slow:
        slow.putrequest("PUT", f"/{path}")
        slow.putheader("Content-Length", "30000")
        slow.endheaders(CONTENT[:10])
        while (status := get_session().post(upload["href"], json=done).status_code) == 400:
            pass  # the part has not begun
        assert status == 409
        slow.send(CONTENT[10:30_000])
        assert slow.getresponse().status == 200
    assert get_session().post(upload["href"], json=done).status_code == 200
    assert stored(small_parts) == [OID]


def test_part_is_no_longer_than_parts_are(small_parts):
    upload = upload_action(small_parts, "acme/router", transfers=["basic", "multipart"])["upload"]
    urls = [url for number, url in sorted(upload["header"].items()) if number.isdigit()]
    assert put(urls[0], bytes(30_001)).status_code == 413
    assert put(urls[3], bytes(len(CONTENT) - 90_000 + 1)).status_code == 413
