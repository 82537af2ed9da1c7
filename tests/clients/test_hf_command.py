"""The `hf` command line, each command a process of its own as a person or a CI job runs it, with Xet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LARGE = os.urandom(200_000)


@pytest.fixture
def hf(hub, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    environment = {**hub.environment(), "PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_HOME": str(tmp_path)}
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "NO_COLOR": "1"}

    def run(*arguments, code=0, **more):
        command = [str(Path(sys.executable).with_name("hf")), *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr

    run.folder = folder
    return run


def test_repo_from_its_creation_to_its_end(hf, api, name):
    made = hf("repos", "create", name, "--private", "--json")
    assert made["url"].endswith(name)
    first = api.model_info(name).sha
    hf("repos", "tag", "create", name, "v1", "-m", "the first")
    hf("repos", "branch", "create", name, "side", "--revision", "v1")
    assert "v1" in hf("repos", "tag", "list", name)
    hf("repos", "branch", "create", name, "side", code=1)
    hf("repos", "settings", name, "--gated", "auto", "--public")
    info = api.model_info(name)
    assert (info.gated, info.private, info.sha) == ("auto", False, first)
    hf("repos", "tag", "delete", name, "v1", "-y")
    hf("repos", "branch", "delete", name, "side")
    assert [r.name for r in [*api.list_repo_refs(name).branches, *api.list_repo_refs(name).tags]] == ["main"]
    hf("repos", "move", name, f"{name}-new")
    hf("repos", "delete", f"{name}-new", "-y")
    assert not api.repo_exists(name)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_folder_goes_up_and_comes_down(hf, api, name, kind):
    for path, content in {"a.txt": b"a", "sub/w.bin": LARGE, "skip.log": b"no"}.items():
        (hf.folder / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (hf.folder / "up" / path).write_bytes(content)
    hf("upload", name, "up", ".", "--type", kind, "--exclude", "*.log", "--commit-message", "all of it")
    assert api.list_repo_commits(name, repo_type=kind)[0].title == "all of it"
    found = api.get_paths_info(name, "sub/w.bin", repo_type=kind)[0]
    assert (found.lfs.size, bool(found.xet_hash)) == (200_000, True)
    hf("download", name, "--type", kind, "--local-dir", "down")
    assert (hf.folder / "down" / "sub" / "w.bin").read_bytes() == LARGE
    assert not (hf.folder / "down" / "skip.log").exists()
    cached = hf("download", name, "a.txt", "--type", kind, "--revision", "main", "--json")
    assert Path(cached["path"]).read_bytes() == b"a"
    hf("download", name, "none.txt", "--type", kind, code=1)


def test_pull_request_by_commands(hf, api, repo):
    (hf.folder / "a.txt").write_text("one\n")
    hf("upload", repo, "a.txt", "--create-pr", "--commit-message", "Better")
    assert "Better" in hf("discussions", "list", repo)
    assert "+one" in hf("discussions", "diff", repo, 1)
    hf("discussions", "comment", repo, 1, "--body", "fine")
    hf("discussions", "merge", repo, 1, "-y")
    details = api.get_discussion_details(repo, 1)
    assert (details.status, [e.content for e in details.events if e.type == "comment"][-1]) == ("merged", "fine")
    assert "a.txt" in api.list_repo_files(repo)
    hf("discussions", "create", repo, "--title", "Question", "--body", "why?")
    hf("discussions", "rename", repo, 2, "A question")
    hf("discussions", "close", repo, 2, "-y")
    assert hf("discussions", "info", repo, 2, "--json")["status"] == "closed"


def test_files_are_listed_copied_and_deleted(hf, api, repo):
    (hf.folder / "a.txt").write_text("a")
    hf("cp", "a.txt", f"hf://{repo}/sub/a.txt")
    assert "sub/a.txt" in hf("models", "list", repo, "-R")
    hf("cp", f"hf://{repo}/sub/a.txt", "back.txt")
    assert (hf.folder / "back.txt").read_text() == "a"
    hf("repos", "delete-files", repo, "sub/*")
    assert api.list_repo_files(repo) == [".gitattributes"]


def test_who_am_i_and_what_is_there(hf, hub, api, repo):
    assert hf("auth", "whoami", "--json")["user"] == "acme"
    assert repo in [model["id"] for model in hf("models", "list", "--author", "acme", "--limit", 1000, "--json")]
    assert hf("models", "info", repo, "--json")["sha"] == api.model_info(repo).sha
    reader = hub.add_user("acme", write=False)
    assert "role `write`" in hf("repos", "create", f"{repo}-2", code=1, HF_TOKEN=reader)
    assert "Invalid" in hf("auth", "whoami", code=1, HF_TOKEN="hf_" + "x" * 34)
