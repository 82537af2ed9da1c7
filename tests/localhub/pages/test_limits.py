"""Files and repos of sizes and forms that nobody planned for."""

from __future__ import annotations

import re
import struct
import subprocess
from itertools import pairwise

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubver.localhub import LocalHub

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000000030001"
    "5b2e1d5b0000000049454e44ae426082"
)
DEEP = "/".join(f"folder{n}" for n in range(60))
BOMB = "---\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghi")
)
FILES = {
    "binary.md": b"\x00\x01\x02" * 1000,
    "latin.md": "# Gr\u00fc\u00dfe\n".encode("latin-1"),
    "utf16.md": "# Hello\n".encode("utf-16"),
    "empty.txt": b"",
    "no-end.txt": b"one\ntwo",
    "windows.md": b"---\r\nlicense: mit\r\n---\r\n# Windows\r\n",
    "huge.md": b"# Huge\n\n" + b"All *work* and no play.\n\n" * 60_000,
    "long.txt": b"line\n" * 30_000,
    "one-line.json": b"[" + b"1," * 60_000 + b"1]",
    "brackets.md": b"[" * 300_000,
    "quotes.md": b"> " * 50_000 + b"x",
    "bomb.md": BOMB.encode() + b"---\n# Bomb\n",
    "itself.md": b"---\na: &a [*a]\n---\n# Itself\n",
    "deep.md": b"---\na: " + b"[" * 1200 + b"\n---\n# Deep\n",
    "day.md": b"---\ndate: 2024-99-99\n---\n# Day\n",
    "broken.md": b"---\n: : [\n---\n# Broken\n",
    "list.md": b"---\nlicense: {a: 1}\ntags: {b: 2}\nlibrary_name: [peft]\n---\n# List\n",
    "picture.png": PNG,
    "header.safetensors": struct.pack("<Q", 2**60) + b"{}",
    "shape.safetensors": struct.pack("<Q", 40) + b'{"a":{"dtype":"F32","shape":["<b>",-1]}}',
    "text.safetensors": b"no tensors at all, only text that is longer than eight bytes",
    f"{DEEP}/leaf.txt": b"leaf\n",
    "\u202egnp.exe": b"x\n",
    "\u65e5\u672c\u8a9e.txt": "\u3053\u3093\n".encode(),
}
MANY = 450
IN_GIT = ("binary.md", "latin.md", "utf16.md", "picture.png")


@pytest.fixture(scope="module")
def odd(tmp_path_factory, plant):
    with LocalHub(tmp_path_factory.mktemp("odd") / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/odd")
        # The client sends what is no text to LFS; with git it can be in the repo itself.
        plant(hub, "acme/odd", {path: FILES[path] for path in IN_GIT})
        operations = [CommitOperationAdd(path, content) for path, content in FILES.items() if path not in IN_GIT]
        operations += [CommitOperationAdd(f"many/{number:03}.txt", b"%d\n" % number) for number in range(MANY)]
        api.create_commit("acme/odd", operations, commit_message="All")
        yield hub


SHOWN = {
    "binary.md": "not text",
    "latin.md": "Gr\ufffd\ufffde",
    "utf16.md": "not text",
    "empty.txt": "This file is empty",
    "no-end.txt": "2 lines",
    "windows.md": '<h1 id="card-windows">Windows</h1>',
    "huge.md": "This is not all of the file",
    "long.txt": "too long to be shown",
    "one-line.json": "1 line",
    "brackets.md": "This is not all of the file",
    "quotes.md": "blockquote",
    "bomb.md": ">Bomb</h1>",
    "itself.md": ">Itself</h1>",
    "deep.md": ">Deep</h1>",
    "day.md": ">Day</h1>",
    "broken.md": ">Broken</h1>",
    "list.md": ">List</h1>",
    "picture.png": '<img src="/acme/odd/resolve/main/picture.png"',
    "header.safetensors": "Large files are not shown",
    "shape.safetensors": "Large files are not shown",
    "text.safetensors": "Large files are not shown",
    f"{DEEP}/leaf.txt": "leaf",
    "%E2%80%AEgnp.exe": 'class="name"',
    "%E6%97%A5%E6%9C%AC%E8%AA%9E.txt": "\u3053\u3093",
}


@pytest.mark.parametrize(("path", "words"), SHOWN.items(), ids=[path[:20] for path in SHOWN])
def test_odd_file_has_a_page(odd, visit, path, words):
    answer = visit(odd, f"/acme/odd/blob/main/{path}")
    assert (answer.status, words in answer.text) == (200, True)
    assert len(answer.body) < 3_000_000


CARDS = ("binary.md", "latin.md", "utf16.md", "huge.md", "bomb.md", "itself.md", "deep.md", "day.md", "list.md")


@pytest.mark.parametrize("name", CARDS)
def test_odd_card_spoils_neither_its_page_nor_the_lists(odd, visit, plant, name):
    repo = f"acme/card-{name.partition('.')[0]}"
    HfApi(endpoint=odd.url, token=odd.token).create_repo(repo)
    plant(odd, repo, {"README.md": FILES[name]})
    for path in (f"/{repo}", f"/{repo}/blob/main/README.md", "/", f"/api/models/{repo}"):
        assert visit(odd, path).status == 200


def test_long_folder_comes_in_pages(odd, visit):
    first, last = visit(odd, "/acme/odd/tree/main/many"), visit(odd, "/acme/odd/tree/main/many?p=2")
    assert ("000.txt" in first.text, "449.txt" in first.text, "449.txt" in last.text) == (True, False, True)
    assert f"{MANY} entries" in first.text
    assert "?p=1" in first.text
    assert "?p=3" not in last.text
    assert "past the end" in visit(odd, "/acme/odd/tree/main/many?p=9").text


def test_long_commit_comes_in_pages(odd, visit):
    total = len(FILES) - len(IN_GIT) + MANY
    first = visit(odd, "/acme/odd/commit/main")
    assert first.text.count('<details class="change"') == 50
    assert "?p=1" in first.text
    assert visit(odd, "/acme/odd/commit/main?p=9").text.count('<details class="change"') == total % 50


def test_deep_folder_has_a_way_up(odd, visit):
    answer = visit(odd, f"/acme/odd/tree/main/{DEEP}")
    assert f"/acme/odd/tree/main/{DEEP.rpartition('/')[0]}" in answer.all("a", "href")


def test_long_history_comes_in_pages_that_meet(hub, api, repo, git, clone, visit):
    script = "".join(
        f"commit refs/heads/main\ncommitter dev <dev@example.org> {1_700_000_000 + n} +0000\ndata 9\nnumber{n:03}\n"
        + ("from refs/heads/main^0\n" if n == 0 else "")
        for n in range(100)
    )
    subprocess.run(["git", "fast-import", "--quiet"], input=script.encode(), cwd=clone, check=True)
    git("push", "-q", "origin", "main", cwd=clone)
    numbers, path = [], "/acme/router/commits/main"
    while path:
        answer = visit(hub, path)
        numbers += re.findall(r">number(\d+)</a>", answer.text)
        older = [a["href"] for tag, a in answer.elements if tag == "a" and a.get("rel") == "next"]
        path = older[0] if older else None
    assert numbers == [f"{n:03}" for n in reversed(range(100))]


def test_tags_come_in_pages_highest_first(hub, api, repo, git, clone, visit):
    for number in range(130):
        git("tag", f"v{number // 10}.{number % 10}.0", cwd=clone)
    git("push", "-q", "--tags", cwd=clone)
    overview = visit(hub, "/acme/router").text
    assert overview.index(">v12.9.0<") < overview.index(">v12.8.0<")
    assert ">v0.0.0<" not in overview
    first, second = visit(hub, "/acme/router/refs").text, visit(hub, "/acme/router/refs?p=1").text
    assert (">v12.9.0<" in first, ">v0.0.0<" in first, ">v0.0.0<" in second) == (True, False, True)
    assert ">v2.1.0<" in visit(hub, "/acme/router/refs?search=v2.1").text


def test_discussions_come_in_pages(hub, api, repo, visit):
    for number in range(30):
        api.create_discussion(repo, f"Question {number}")
    first = visit(hub, "/acme/router/discussions")
    older = next(a["href"] for tag, a in first.elements if tag == "a" and a.get("rel") == "next")
    second = visit(hub, older)
    assert ("Question 29" in first.text, "Question 0<" in first.text, "Question 0<" in second.text) == (
        True,
        False,
        True,
    )
    assert "Nothing is closed" in visit(hub, "/acme/router/discussions?status=closed").text


def test_tag_of_what_is_no_commit_spoils_nothing(hub, api, repo, git, clone, visit):
    tree = git("rev-parse", "HEAD^{tree}", cwd=clone)
    git("tag", "tree", tree, cwd=clone)
    git.run("push", "-q", "origin", "tree", cwd=clone)
    for path in ("/acme/router", "/acme/router/refs", "/acme/router/commits/main"):
        assert visit(hub, path).status == 200


def test_pull_request_whose_commits_were_deleted_says_so(hub, api, repo, visit):
    number = api.create_pull_request(repo, "Empty").num
    api.change_discussion_status(repo, number, "closed")
    visit(hub, f"/api/models/{repo}/discussions/{number}/ref", method="DELETE", Authorization=f"Bearer {hub.token}")
    assert "were deleted" in visit(hub, f"/acme/router/discussions/{number}/files").text
    assert visit(hub, f"/acme/router/discussions/{number}").status == 200
