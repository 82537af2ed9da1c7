"""Commits of many files and of long ones: what memory and git hold of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session

SERVE = """
import json, sys
from hubver.localhub import LocalHub
with LocalHub(sys.argv[1]) as hub:
    print(json.dumps([hub.url, hub.token]), flush=True)
    sys.stdin.read()
"""
MOST_MEMORY = 110 * 2**20


@pytest.fixture
def server(tmp_path):
    """A Hub in a process of its own, whose memory is its own too."""
    command = [sys.executable, "-c", SERVE, str(tmp_path / "hub")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


def most_memory(process):
    """The most bytes of memory that the process has held at once."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not say how much memory is held")
def test_commit_longer_than_memory_may_grow(server):
    url, token = json.loads(server.stdout.readline())
    api = HfApi(endpoint=url, token=token)
    api.create_repo("acme/router")
    texts = {f"{number:02}.txt": f"{number:02} ".encode() * (5 * 2**18) for number in range(30)}
    assert sum(map(len, texts.values())) > MOST_MEMORY
    api.create_commit("acme/router", [CommitOperationAdd(*item) for item in texts.items()], commit_message="texts")
    found = {name: get_session().get(f"{url}/acme/router/resolve/main/{name}").content for name in ("00.txt", "29.txt")}
    assert {name: content == texts[name] for name, content in found.items()} == dict.fromkeys(found, True)
    assert most_memory(server) < MOST_MEMORY


@pytest.mark.parametrize("count", [3, 300])
def test_files_are_whole_however_many(api, git, git_dir, repo, count):
    contents = {f"folder{n % 7}/{n}.txt": b"the same" if n % 3 else b"%d" % n for n in range(count)}
    api.create_commit(repo, [CommitOperationAdd(*item) for item in contents.items()], commit_message="files")
    git("fsck", "--strict", cwd=git_dir)
    listed = git("ls-tree", "-r", "--name-only", "main", cwd=git_dir).splitlines()
    assert set(listed) == {".gitattributes", *contents}
    for path in (*contents,)[:: max(1, count // 10)]:
        assert git("show", f"main:{path}", cwd=git_dir).encode() == contents[path]
    loose = int(git("count-objects", cwd=git_dir).split()[0])
    assert loose < 40


def test_refused_commit_of_many_files_leaves_nothing(hub, repo, git, git_dir):
    before = git("count-objects", "-v", cwd=git_dir)
    lines = [{"key": "header", "value": {"summary": "x"}}]
    lines += [{"key": "file", "value": {"path": f"{n}.txt", "content": f"{n}"}} for n in range(100)]
    lines.append({"key": "file", "value": {"path": "w.bin", "content": "AAAA", "encoding": "base64"}})
    body = "\n".join(map(json.dumps, lines))
    headers = {"Authorization": f"Bearer {hub.token}"}
    answer = get_session().post(f"{hub.url}/api/models/{repo}/commit/main", content=body, headers=headers)
    assert answer.status_code == 400
    assert "w.bin" in answer.json()["error"]
    assert git("count-objects", "-v", cwd=git_dir) == before


def test_same_files_again_on_another_branch(api, repo, git, git_dir):
    contents = {f"{n}.txt": b"%d" % n for n in range(50)}
    api.create_branch(repo, branch="other")
    for branch in ("main", "other"):
        operations = [CommitOperationAdd(*item) for item in contents.items()]
        api.create_commit(repo, operations, commit_message="files", revision=branch)
    git("fsck", "--strict", cwd=git_dir)
    assert git("show", "other:7.txt", cwd=git_dir) == "7"
