"""Listing the files of a large repo and many tags, against git itself.

A user without a Hub would ask a bare repo: `git clone --filter=blob:none --no-checkout` and `git ls-tree` for the files, and
`git ls-remote` for the refs, both over HTTP by git's own server from a repo with the same content. Each goes through the
real client in turn, several times; the aim is under a second each, and the memory is the server's peak.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import servers

if TYPE_CHECKING:
    from collections.abc import Callable

REPO = "acme/bench"


def fill(url: str, folder: Path, files: int, tags: int) -> None:
    """Make a repo's content and push it."""
    work, home = folder / "work", folder / "home"
    home.mkdir(exist_ok=True)
    servers.git("clone", "-q", url, work, home=home)
    for number in range(files):
        path = work / f"{number % 100:02}" / f"{number:05}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'{{"number": {number}}}')
    git_dir = {"home": home, "cwd": work}
    servers.git("checkout", "-q", "-B", "main", **git_dir)
    servers.git("add", ".", **git_dir)
    servers.git("commit", "-q", "-m", "files", **git_dir)
    head = servers.git("rev-parse", "HEAD", **git_dir).strip()
    refs = (f"{head} refs/tags/v{number:05}\n" for number in range(tags))
    (work / ".git" / "packed-refs").write_text("".join(["# pack-refs with: peeled fully-peeled sorted \n", *refs]))
    servers.git("push", "-q", url, "HEAD:refs/heads/main", "refs/tags/*:refs/tags/*", **git_dir)
    shutil.rmtree(work)


def listed_by_git(url: str, folder: Path) -> int:
    """How many files git lists, without their contents."""
    clone = folder / "listed"
    servers.git("clone", "-q", "--filter=blob:none", "--no-checkout", "--depth=1", url, clone, home=folder / "home")
    found = servers.git("ls-tree", "-r", "HEAD", home=folder / "home", cwd=clone).count("\n")
    shutil.rmtree(clone)
    return found


def measure(rounds: int, verbs: dict[str, tuple[Callable[[], int], int]]) -> None:
    times: dict[str, list[float]] = {name: [] for name in verbs}
    for _ in range(rounds):
        for name, (verb, expected) in verbs.items():
            began = time.perf_counter()
            found = verb()
            times[name].append(time.perf_counter() - began)
            if found < expected:
                raise RuntimeError(f"{name}: {found} of {expected}")
    print(f"listings, median of {rounds} rounds (fastest to slowest)")
    for name, measured in times.items():
        spread = f"({min(measured):.3f} to {max(measured):.3f})"
        print(f"  {name:<44} {statistics.median(measured):.3f} s {spread}")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="listings", description="Files and tags, against git")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--tags", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory(prefix="hubver-bench-") as name:
        folder = Path(name)
        with servers.hub(folder / "hub") as server, servers.git_over_http(folder) as plain:
            endpoint, token = (server.environment[key] for key in ("HF_ENDPOINT", "HF_TOKEN"))
            api = HfApi(endpoint=endpoint, token=token)
            api.create_repo(REPO)
            (folder / "home").mkdir()
            bare = servers.bare_repo(folder, folder / "home")
            servers.git("config", "uploadpack.allowFilter", "true", home=folder / "home", cwd=bare)
            address = endpoint.replace("//", f"//dev:{token}@") + f"/{REPO}"
            for url in (address, f"{plain}/bare.git"):
                fill(url, folder, chosen.files, chosen.tags)
            print(f"{chosen.files} files in 100 folders, {chosen.tags} tags")
            files, tags = chosen.files, chosen.tags
            measure(
                chosen.rounds,
                {
                    "files: Hub, every page": (lambda: len(list(api.list_repo_tree(REPO, recursive=True))), files),
                    "files: Hub, model_info": (lambda: len(api.model_info(REPO).siblings), files),
                    "files: Hub, 100 with last commits": (
                        lambda: len(api.get_paths_info(REPO, [f"{n:02}" for n in range(100)], expand=True)),
                        100,
                    ),
                    "files: git, bare clone and ls-tree": (
                        lambda: listed_by_git(f"{plain}/bare.git", folder),
                        files,
                    ),
                    "tags: Hub, list_repo_refs": (lambda: len(api.list_repo_refs(REPO).tags), tags),
                    "tags: git ls-remote, the Hub": (
                        lambda: servers.git("ls-remote", "--tags", address, home=folder / "home").count("\n"),
                        tags,
                    ),
                    "tags: git ls-remote, git's own server": (
                        lambda: servers.git("ls-remote", "--tags", f"{plain}/bare.git", home=folder / "home").count(
                            "\n"
                        ),
                        tags,
                    ),
                },
            )
            print(f"  server's memory at most {server.memory() / 2**20:.0f} MiB")
