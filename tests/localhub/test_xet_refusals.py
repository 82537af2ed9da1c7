"""What the Xet store refuses, asked by hand: content that is not what it is said to be, and whoever may not ask."""

from __future__ import annotations

import hashlib
import json
import struct
from itertools import accumulate

import lz4.frame
import pytest
from huggingface_hub import HfApi
from huggingface_hub.utils import get_session

from hubver.localhub import LocalHub, User
from hubver.localhub.xet import grants, hashes

CHUNKS = [b"first chunk", b"second chunk, which is longer", b"third"]
CONTENT = b"".join(CHUNKS)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LEAVES = [(hashes.chunk_hash(chunk), len(chunk)) for chunk in CHUNKS]
XORB = hashes.to_text(hashes.xorb_hash(LEAVES))
FILE = hashes.to_text(hashes.file_hash(LEAVES))
OTHER = "ab" * 32


def chunk(content, *, version=0, scheme=0, packed=None, unpacked=None):
    packed = len(content) if packed is None else packed
    unpacked = len(content) if unpacked is None else unpacked
    sizes = packed.to_bytes(3, "little"), unpacked.to_bytes(3, "little")
    return struct.pack("<B3sB3s", version, sizes[0], scheme, sizes[1]) + content


GOOD_XORB = b"".join(map(chunk, CHUNKS))


def entry(name, *numbers):
    return struct.pack("<32s4I", name if isinstance(name, bytes) else hashes.from_text(name), *numbers)


TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
WHOLE = (0, len(CONTENT), 0, 3)
END = entry(b"\xff" * 32, 0, 0, 0, 0)


def shard(
    *,
    tag=TAG,
    version=2,
    file=FILE,
    flags=0xC0000000,
    term=WHOLE,
    xorb=XORB,
    proof=None,
    sha256=SHA256,
    chunks=LEAVES,
):
    """A shard as a client writes it, of one file that is all of one xorb."""
    proof = hashes.range_hash(value for value, _ in LEAVES[term[2] : term[3]]) if proof is None else proof
    starts = [0, *accumulate(size for _, size in chunks)]
    described = [entry(value, start, size, 0, 0) for (value, size), start in zip(chunks, starts, strict=False)]
    return b"".join(
        [
            struct.pack("<32sQQ", tag, version, 0),
            entry(file, flags, 1, 0, 0),
            entry(xorb, *term),
            entry(proof, 0, 0, 0, 0),
            entry(sha256, 0, 0, 0, 0),
            END,
            entry(XORB, 0, len(chunks), len(CONTENT), len(GOOD_XORB)),
            *described,
            END,
        ]
    )


class Store:
    """The Xet store as a client of one repo reaches it."""

    def __init__(self, hub, url, token=None, repo="acme/router"):
        self.hub, self.url, self.token, self.repo = hub, url, token or hub.token, repo

    def grant(self, access="write", repo=None, revision="main", token=None):
        path = f"{self.url}/api/models/{repo or self.repo}/xet-{access}-token/{revision}"
        return get_session().get(
            path, headers={"Authorization": f"Bearer {token or self.token}"} if token != "" else {}
        )

    def ask(self, method, path, body=None, *, access="write", token=None, **headers):
        found = self.grant(access).json()
        headers["Authorization"] = f"Bearer {token or found['accessToken']}"
        return get_session().request(method, f"{found['casUrl']}/{path}", content=body, headers=headers)

    def send_xorb(self, body=GOOD_XORB, name=XORB):
        return self.ask("POST", f"v1/xorbs/default/{name}", body)

    def send_shard(self, **changes):
        return self.ask("POST", "v1/shards", shard(**changes))


@pytest.fixture
def store(hub, repo):
    return Store(hub, hub.url)


@pytest.fixture
def filled(store):
    assert store.send_xorb().json() == {"was_inserted": True}
    assert store.send_shard().json() == {"result": 1}
    return store


def kept(hub):
    return sorted(p.name for part in ("xet", "tmp") for p in (hub.root / part).rglob("*") if p.is_file())


def test_what_is_true_is_taken(filled, hub):
    """Without this, a table of refusals says nothing: each of its rows is this but for one thing."""
    assert filled.send_xorb().json() == {"was_inserted": False}
    assert filled.send_shard().json() == {"result": 1}
    found = filled.ask("GET", f"v2/reconstructions/{FILE}", access="read").json()
    assert found["terms"] == [{"hash": XORB, "unpacked_length": len(CONTENT), "range": {"start": 0, "end": 3}}]


XORBS = {
    "nothing": b"",
    "not a xorb": b"hello",
    "cut off": GOOD_XORB[:-1],
    "cut off in a header": GOOD_XORB + b"\0\0",
    "a byte flipped": GOOD_XORB[:-1] + b"!",
    "chunks in another order": b"".join(map(chunk, reversed(CHUNKS))),
    "a chunk too many": GOOD_XORB + chunk(b"more"),
    "a later version": chunk(CHUNKS[0], version=1) + GOOD_XORB[len(chunk(CHUNKS[0])) :],
    "an unknown scheme": chunk(CHUNKS[0], scheme=3) + GOOD_XORB[len(chunk(CHUNKS[0])) :],
    "not what LZ4 makes": chunk(CHUNKS[0], scheme=1) + GOOD_XORB[len(chunk(CHUNKS[0])) :],
    "not what grouped LZ4 makes": chunk(CHUNKS[0], scheme=2) + GOOD_XORB[len(chunk(CHUNKS[0])) :],
    "sizes that differ without compression": chunk(CHUNKS[0], unpacked=5) + GOOD_XORB[len(chunk(CHUNKS[0])) :],
    "an empty chunk": GOOD_XORB + chunk(b""),
    "a chunk over 128 KiB": chunk(bytes(128 * 2**10 + 1)),
}


@pytest.mark.parametrize("body", XORBS.values(), ids=XORBS)
def test_xorb_that_is_not_the_one_announced_is_refused(store, hub, body):
    before = kept(hub)
    answer = store.send_xorb(body)
    assert answer.status_code == 400, answer.text
    assert [name for name in kept(hub) if name != "id"] == before


def test_xorb_over_the_limit_is_refused(store, hub, monkeypatch):
    monkeypatch.setattr("hubver.localhub.routes.xet.LARGEST_XORB", len(GOOD_XORB) - 1)
    assert store.send_xorb().status_code == 413
    assert kept(hub) == ["id"]


@pytest.mark.parametrize("name", ["abc", "AB" * 32, "..%2f" * 20 + "abcd", "%2e%2e%2f" * 7 + "x"])
def test_hash_that_is_none_is_refused(filled, name):
    for method, path in (("POST", "v1/xorbs/default/"), ("GET", "v1/reconstructions/"), ("GET", "v1/chunks/default/")):
        assert filled.ask(method, path + name, b"x" if method == "POST" else None).status_code in {400, 404}


SHARDS = {
    "another format": {"tag": b"HFRepoMetaData".ljust(32, b"\0")},
    "a later version": {"version": 3},
    "a xorb that is not here": {"xorb": OTHER},
    "another file's hash": {"file": OTHER},
    "another sha256": {"sha256": OTHER},
    "no sha256": {"flags": 0x80000000},
    "no proofs": {"flags": 0x40000000},
    "a wrong proof": {"proof": bytes(32)},
    "a term too short": {"term": (0, len(CONTENT) - 5, 0, 2)},
    "a term of another size": {"term": (0, len(CONTENT) + 1, 0, 3)},
    "a term that ends outside": {"term": (0, len(CONTENT), 0, 4)},
    "a term that ends where it begins": {"term": (0, 0, 1, 1)},
    "a term that ends before it begins": {"term": (0, 0, 2, 1)},
    "chunks that the xorb does not have": {"chunks": [(bytes(32), 5), *LEAVES[1:]]},
    "fewer chunks than the xorb has": {"chunks": LEAVES[1:]},
}


@pytest.mark.parametrize("changes", SHARDS.values(), ids=SHARDS)
def test_shard_that_lies_is_refused(store, hub, changes):
    store.send_xorb()
    before = kept(hub)
    answer = store.send_shard(**changes)
    assert answer.status_code == 400, answer.text
    assert kept(hub) == before


@pytest.mark.parametrize("length", [0, 10, 48, 96, 48 * 5, len(shard()) - 1])
def test_shard_that_is_cut_off_is_refused(store, hub, length):
    store.send_xorb()
    before = kept(hub)
    assert store.ask("POST", "v1/shards", shard()[:length]).status_code == 400
    assert kept(hub) == before


def test_shard_with_one_lie_registers_nothing(store, hub):
    store.send_xorb()
    before = kept(hub)
    good, bad = shard(), shard(sha256=OTHER)
    both = good[: 48 * 5] + bad[48 : 48 * 5] + good[48 * 5 :]
    assert store.ask("POST", "v1/shards", both).status_code == 400
    assert kept(hub) == before


def test_commit_of_a_file_that_no_shard_named_is_refused(filled, api):
    def commit(oid):
        lines = {"key": "header", "value": {"summary": "x"}}, {"key": "lfsFile", "value": {"path": "w", "oid": oid}}
        body = "\n".join(map(json.dumps, lines))
        headers = {"Authorization": f"Bearer {filled.token}"}
        return get_session().post(f"{filled.url}/api/models/acme/router/commit/main", content=body, headers=headers)

    assert commit(OTHER).status_code == 400
    assert commit(SHA256).status_code == 200


def test_tokens_that_are_not_good_are_refused(filled, monkeypatch):
    good = filled.grant("write").json()["accessToken"]
    claims, _, signature = good.partition(".")
    other = grants.Grant("model", "acme/router", "write", 2**40).token(lambda _: signature)
    monkeypatch.setattr(grants, "LIFETIME_S", -1)
    expired = filled.grant("write").json()["accessToken"]
    monkeypatch.undo()
    tokens = {"none": "-", "the Hub's own": filled.token, "unsigned": claims, "forged": other, "expired": expired}
    answers = {
        name: filled.ask("POST", "v1/shards", shard(), token=value).status_code for name, value in tokens.items()
    }
    assert answers == dict.fromkeys(tokens, 401)
    assert filled.ask("GET", f"v1/reconstructions/{FILE}", token=expired).status_code == 401
    assert filled.ask("POST", "v1/shards", shard(), token=good).status_code == 200


def test_token_for_reading_only_reads(filled):
    assert filled.ask("POST", f"v1/xorbs/default/{XORB}", GOOD_XORB, access="read").status_code == 403
    assert filled.ask("POST", "v1/shards", shard(), access="read").status_code == 403
    for path in (f"v1/reconstructions/{FILE}", f"v1/chunks/default/{hashes.to_text(LEAVES[0][0])}"):
        for access in ("read", "write"):
            assert filled.ask("GET", path, access=access).status_code == 200


def test_token_of_a_deleted_repo_is_refused(filled, api):
    token = filled.grant("read").json()
    api.delete_repo("acme/router")
    headers = {"Authorization": f"Bearer {token['accessToken']}"}
    answer = get_session().get(f"{token['casUrl']}/v1/reconstructions/{FILE}", headers=headers)
    assert answer.status_code == 404


def test_file_of_a_private_repo_is_closed_to_others(filled, hub, api):
    api.update_repo_settings("acme/router", private=True)
    other = hub.add_user("other")
    HfApi(endpoint=hub.url, token=other).create_repo("other/own")
    theirs = Store(hub, hub.url, other, repo="other/own")
    assert theirs.ask("GET", f"v2/reconstructions/{FILE}").status_code == 404
    # Its hashes alone do not open it,
    told = theirs.ask("GET", f"v1/chunks/default/{hashes.to_text(LEAVES[0][0])}").content
    assert not any(value in told for value, _ in LEAVES)
    assert theirs.send_shard(proof=bytes(32)).status_code == 400
    assert theirs.ask("GET", f"v2/reconstructions/{FILE}").status_code == 404
    # and who has the content gets it without sending it again.
    assert theirs.send_shard().status_code == 200
    assert theirs.ask("GET", f"v2/reconstructions/{FILE}").status_code == 200


def test_who_may_bring_files_to_a_gated_repo_may_not_fetch_any(filled, hub, api):
    api.update_repo_settings("acme/router", gated="manual")
    other = hub.add_user("other")
    theirs = Store(hub, hub.url, other)
    assert theirs.grant("read").status_code == 403
    found = theirs.grant("write", revision="None?create_pr=1").json()
    headers = {"Authorization": f"Bearer {found['accessToken']}"}

    def ask(method, path, body=None):
        return get_session().request(method, f"{found['casUrl']}/{path}", content=body, headers=headers).status_code

    assert ask("POST", f"v1/xorbs/default/{XORB}", GOOD_XORB) == 200
    assert ask("POST", "v1/shards", shard()) == 200
    assert ask("GET", f"v1/chunks/default/{hashes.to_text(LEAVES[0][0])}") == 200
    for version in (1, 2):
        assert ask("GET", f"v{version}/reconstructions/{FILE}") == 403
        assert filled.ask("GET", f"v{version}/reconstructions/{FILE}").status_code == 200


def test_xorb_that_unpacks_to_more_than_it_says_is_refused(store, hub):
    bomb = lz4.frame.compress(bytes(40 * 2**20))
    before = kept(hub)
    for scheme in (1, 2):
        body = chunk(bomb, scheme=scheme, unpacked=128 * 2**10)
        assert len(bomb) < 2 * 128 * 2**10
        assert store.send_xorb(body).status_code == 400
    assert [name for name in kept(hub) if name != "id"] == before


def test_who_gets_a_token(tmp_path, api, hub, repo):
    other, reader = hub.add_user("other"), hub.add_user("acme", write=False)
    store = Store(hub, hub.url)
    api.create_repo("acme/secret", private=True)
    api.create_pull_request(repo, title="one")
    cases = [
        ("write", "acme/router", "main", hub.token, 200),
        ("read", "acme/router", "main", hub.token, 200),
        ("read", "acme/router", "refs%2Fpr%2F1", hub.token, 200),
        ("read", "acme/router", "main", "", 200),
        ("write", "acme/router", "main", "", 401),
        ("write", "acme/router", "main", reader, 403),
        ("write", "acme/router", "main", other, 403),
        ("write", "acme/router", "refs%2Fpr%2F1", other, 200),
        ("write", "acme/router", "None?create_pr=1", other, 200),
        ("read", "acme/router", "main", other, 200),
        ("read", "acme/secret", "main", hub.token, 200),
        ("read", "acme/secret", "main", other, 404),
        ("write", "acme/secret", "main", other, 404),
        ("read", "acme/secret", "main", "", 401),
        ("read", "acme/router", "none", hub.token, 404),
        ("read", "acme/none", "main", hub.token, 404),
        ("read", "acme/router", "main", "hf_wrong", 401),
    ]
    found = [(*case[:4], store.grant(*case[:3], token=case[3]).status_code) for case in cases]
    assert found == cases


def test_token_says_the_same_in_headers_and_body(store):
    answer = store.grant("read")
    body = answer.json()
    names = ("X-Xet-Cas-Url", "X-Xet-Access-Token", "X-Xet-Token-Expiration")
    assert [answer.headers[name] for name in names] == [body["casUrl"], body["accessToken"], str(body["exp"])]


def test_store_of_another_hub_is_not_here(filled, tmp_path):
    with LocalHub(tmp_path / "other", users={filled.token: User("acme")}) as hub:
        found = filled.grant("read").json()
        there = found["casUrl"].replace(filled.url, hub.url)
        headers = {"Authorization": f"Bearer {found['accessToken']}"}
        assert get_session().get(f"{there}/v1/reconstructions/{FILE}", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("asked", "terms", "skip", "places"),
    [
        (None, [(0, 3, 45)], 0, [(0, 3)]),
        ("bytes=0-0", [(0, 1, 11)], 0, [(0, 1)]),
        ("bytes=10-10", [(0, 1, 11)], 10, [(0, 1)]),
        ("bytes=11-11", [(1, 2, 29)], 0, [(1, 2)]),
        ("bytes=10-11", [(0, 2, 40)], 10, [(0, 2)]),
        ("bytes=39-40", [(1, 3, 34)], 28, [(1, 3)]),
        ("bytes=44-1000", [(2, 3, 5)], 4, [(2, 3)]),
    ],
)
def test_reconstruction_of_a_range(filled, asked, terms, skip, places):
    headers = {"Range": asked} if asked else {}
    second = filled.ask("GET", f"v2/reconstructions/{FILE}", **headers).json()
    assert second["offset_into_first_range"] == skip
    assert [(t["range"]["start"], t["range"]["end"], t["unpacked_length"]) for t in second["terms"]] == terms
    (fetch,) = second["xorbs"][XORB]
    assert [(r["chunks"]["start"], r["chunks"]["end"]) for r in fetch["ranges"]] == places
    bounds = [0, *accumulate(len(chunk(content)) for content in CHUNKS)]
    assert [(r["bytes"]["start"], r["bytes"]["end"]) for r in fetch["ranges"]] == [
        (bounds[start], bounds[end] - 1) for start, end in places
    ]
    first = filled.ask("GET", f"v1/reconstructions/{FILE}", **headers).json()
    assert (first["offset_into_first_range"], first["terms"]) == (skip, second["terms"])
    (fetch,) = first["fetch_info"][XORB]
    start, end = fetch["url_range"]["start"], fetch["url_range"]["end"]
    body = get_session().get(fetch["url"], headers={"Range": f"bytes={start}-{end}"}).content
    assert body == GOOD_XORB[start : end + 1]


def test_reconstruction_of_what_is_not_there(filled):
    assert filled.ask("GET", f"v2/reconstructions/{OTHER}").status_code == 404
    assert filled.ask("GET", f"v2/reconstructions/{FILE}", Range=f"bytes={len(CONTENT)}-").status_code == 416
    assert filled.ask("GET", f"v3/reconstructions/{FILE}").status_code == 404
    assert filled.ask("GET", f"v1/chunks/default/{OTHER}").status_code == 404


def test_address_of_a_xorb_works_as_signed(filled):
    def url_of(asked):
        found = filled.ask("GET", f"v1/reconstructions/{FILE}", Range=asked).json()
        return found["fetch_info"][XORB][0]["url"]

    first = url_of("bytes=0-0")
    end = len(chunk(CHUNKS[0])) - 1

    def status(url, asked):
        return get_session().get(url, headers={"Range": asked} if asked else {}).status_code

    assert status(first, f"bytes=0-{end}") == 206
    assert status(first, f"bytes=0-{end + 1}") == 403
    assert status(first, "bytes=3-1") == 403
    assert status(first, None) == 403
    assert status(first.replace(f"0-{end}", f"0-{end + 9}"), f"bytes=0-{end + 1}") == 403
    assert status(first.replace(XORB, OTHER), f"bytes=0-{end}") == 403
    assert status(first.partition("?")[0], f"bytes=0-{end}") == 403
    assert status(first.partition("&signature")[0], f"bytes=0-{end}") == 403


def test_address_of_a_xorb_expires(filled, monkeypatch):
    token = filled.grant("read").json()
    monkeypatch.setattr(grants, "LIFETIME_S", -1)
    headers = {"Authorization": f"Bearer {token['accessToken']}"}
    found = get_session().get(f"{token['casUrl']}/v1/reconstructions/{FILE}", headers=headers).json()
    (fetch,) = found["fetch_info"][XORB]
    answer = get_session().get(fetch["url"], headers={"Range": f"bytes=0-{fetch['url_range']['end']}"})
    assert answer.status_code == 403


def test_several_ranges_of_a_xorb_come_as_parts(filled):
    found = filled.ask("GET", f"v2/reconstructions/{FILE}").json()
    (fetch,) = found["xorbs"][XORB]
    answer = get_session().get(fetch["url"], headers={"Range": "bytes=0-3,10-19"})
    kind, _, boundary = answer.headers["Content-Type"].partition("; boundary=")
    assert (answer.status_code, kind) == (206, "multipart/byteranges")
    before, *parts, after = answer.content.split(f"--{boundary}".encode())
    assert (before, after) == (b"", b"--\r\n")
    bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
    assert bodies == [GOOD_XORB[0:4], GOOD_XORB[10:20]]
    places = [part.partition(b"Content-Range: ")[2].partition(b"\r\n")[0].decode() for part in parts]
    assert places == [f"bytes 0-3/{len(GOOD_XORB)}", f"bytes 10-19/{len(GOOD_XORB)}"]
