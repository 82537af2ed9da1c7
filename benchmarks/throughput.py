"""Upload and download of large and of many files, against the disk and against git and git-lfs.

What a user without a Hub would keep weights in is a bare git repo with Git LFS on the same machine, or git alone. `git` is
measured over HTTP by git's own server; git-lfs by its own transfer into a repo in a folder, because it brings no server.
Both give git's times whole: adding and committing are how a file gets there at all.

The disk's time is that of copying the same files and syncing each, as everyone must who keeps a file for good. The time
of hashing them stands beside it: sha256 is what LFS names them by, so nobody gets around it, but no disk needs it.

Each round has contents, a Hub and repos of its own; all ways run in turn within it. A Hub's memory is its peak.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = """
import sys, time
from huggingface_hub import HfApi, snapshot_download
what, folder = sys.argv[1:]
api = HfApi()
api.create_repo("acme/bench", exist_ok=True)
began = time.perf_counter()
if what == "upload":
    api.upload_folder(repo_id="acme/bench", folder_path=folder)
else:
    snapshot_download("acme/bench", local_dir=folder)
print(time.perf_counter() - began)
"""
WAYS = ("disk: copy and sync", "sha256 alone", "Hub, Xet", "Hub, LFS", "git-lfs, folder", "git, HTTP")
_MIB = 2**20
_PIECE = 16 * _MIB
_LARGE = 100 * _MIB
# The first bytes of half-precision weights: few of 256 are common, so that weights compress a little, as real ones do.
_EXPONENTS = bytes(random.Random(0).choices(range(256), [2 ** -abs((n & 127) - 60) + 0.001 for n in range(256)], k=256))


@dataclass(frozen=True)
class Load:
    """Files to be sent: `weights` of so many bytes, in so many files; or JSON texts."""

    name: str
    count: int
    size: int
    text: bool = False

    def write(self, folder: Path) -> None:
        """Make the files, never the same twice."""
        folder.mkdir()
        for number in range(self.count):
            path = folder / f"{number % 20:02}" / f"{number:05}.{'json' if self.text else 'safetensors'}"
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as file:
                for start in range(0, self.size, _PIECE):
                    file.write(content(min(_PIECE, self.size - start), text=self.text))


def content(size: int, *, text: bool) -> bytes:
    if text:
        return b'{"prompt": "' + os.urandom(size // 2).hex().encode()[: size - 15] + b'"}\n'
    weights = bytearray(os.urandom(size))
    weights[1::2] = weights[1::2].translate(_EXPONENTS)
    return bytes(weights)


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    into.append(time.perf_counter() - began)


def copy_and_sync(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
            continue
        with path.open("rb") as read, copy.open("wb") as written:
            shutil.copyfileobj(read, written, _MIB)
            written.flush()
            os.fsync(written.fileno())


def warm(folder: Path) -> None:
    """Have the files on the disk and in memory before anything is measured."""
    with tempfile.TemporaryDirectory(prefix="hubver-bench-warm-") as elsewhere:
        copy_and_sync(folder, Path(elsewhere))


def hash_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            found = hashlib.sha256()
            with path.open("rb") as file:
                while piece := file.read(_MIB):
                    found.update(piece)


def same(one: Path, other: Path) -> None:
    """Fail unless both folders hold the same files: a fast way to the wrong bytes is no way."""
    for path in one.rglob("*"):
        if path.is_file():
            with path.open("rb") as a, (other / path.relative_to(one)).open("rb") as b:
                while piece := a.read(_PIECE):
                    if piece != b.read(_PIECE):
                        raise RuntimeError(f"{path} came back as something else")


class Round:
    """One turn of every way."""

    def __init__(self, folder: Path, load: Load, times: dict[tuple[str, str], list[float]], memory: dict) -> None:
        self._folder, self._source, self._times, self._memory = folder, folder / "source", times, memory
        load.write(self._source)
        warm(self._source)

    def _make(self, name: str) -> Path:
        (self._folder / name).mkdir()
        return self._folder / name

    def _clear(self, *names: str) -> None:
        for name in names:
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def disk(self) -> None:
        for what in ("up", "down"):
            with timed(self._times["disk: copy and sync", what]):
                copy_and_sync(self._source, self._make("copy"))
            self._clear("copy")
            with timed(self._times["sha256 alone", what]):
                hash_all(self._source)

    def hub(self, way: str, **environment: str) -> None:
        known = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_XET"}
        with servers.hub(self._folder / "hub") as server:
            for what, folder in (("upload", self._source), ("download", self._make("download"))):
                home = {"HF_HOME": str(self._folder / f"home-{what}"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
                done = subprocess.run(
                    [sys.executable, "-c", CLIENT, what, str(folder)],
                    env={**known, **server.environment, **home, **environment},
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                self._times[way, what.removesuffix("load")].append(float(done.stdout))
                self._memory[way] = max(self._memory[way], server.memory())
        same(self._source, self._folder / "download")
        self._clear("hub", "download", "home-upload", "home-download")

    def git(self, way: str, *, lfs: bool) -> None:
        home = self._make("home")
        bare = servers.bare_repo(self._folder, home)
        git = servers.git
        if lfs:
            git("lfs", "install", "--skip-repo", home=home)
        with servers.git_over_http(self._folder) as url:
            address = f"file://{bare}" if lfs else f"{url}/bare.git"
            work = self._folder / "work"
            shutil.copytree(self._source, work)
            with timed(self._times[way, "up"]):
                git("init", "-q", "-b", "main", home=home, cwd=work)
                if lfs:
                    git("lfs", "track", "*.safetensors", home=home, cwd=work)
                git("add", ".", home=home, cwd=work)
                git("commit", "-q", "-m", "files", home=home, cwd=work)
                git("push", "-q", address, "main", home=home, cwd=work)
            with timed(self._times[way, "down"]):
                git("clone", "-q", address, self._folder / "clone", home=home)
        same(self._source, self._folder / "clone")
        self._clear("home", "bare.git", "work", "clone")


def measure(load: Load, rounds: int) -> None:
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    memory: dict[str, int] = defaultdict(int)
    for number in range(rounds):
        print(f"{load.name}: round {number + 1} of {rounds}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="hubver-bench-") as folder:
            turn = Round(Path(folder), load, times, memory)
            turn.disk()
            turn.hub("Hub, Xet", HF_HUB_DISABLE_XET="0")
            turn.hub("Hub, LFS", HF_HUB_DISABLE_XET="1")
            if not load.text:
                turn.git("git-lfs, folder", lfs=True)
            # Git without LFS packs a large file for minutes, and does so alike each time.
            if number == 0 or load.size < _LARGE:
                turn.git("git, HTTP", lfs=False)
    report(load, rounds, times, memory)


def report(load: Load, rounds: int, times: dict[tuple[str, str], list[float]], memory: dict[str, int]) -> None:
    total = load.count * load.size / _MIB
    print(f"\n{load.name}: {load.count} x {load.size / _MIB:.3g} MiB, median of {rounds} (fastest to slowest),")
    print("speed, and how it compares with the disk's: 0.5x takes twice as long")
    for what, title in (("up", "upload"), ("down", "download")):
        print(f"  {title}")
        disk = statistics.median(times[WAYS[0], what])
        for way in WAYS:
            measured = times[way, what]
            if measured:
                median = statistics.median(measured)
                spread = f"({min(measured):.2f} to {max(measured):.2f})"
                peak = f"  server's memory {memory[way] / _MIB:.0f} MiB" if way in memory else ""
                print(
                    f"    {way:<20} {median:7.2f} s {spread:<18} {total / median:6.0f} MiB/s {disk / median:5.2f}x{peak}"
                )
    sys.stdout.flush()


def size_of(text: str) -> int:
    return int(text[:-1]) * {"K": 2**10, "M": 2**20, "G": 2**30}[text[-1]]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="throughput", description="Upload and download against the disk and git")
    parser.add_argument("--size", type=size_of, default=2**30, help="of the large file: 256M, 1G (the default)")
    parser.add_argument("--count", type=int, default=2000, help="of small files (2000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("large", "weights", "texts"), help="one load alone")
    chosen = parser.parse_args(arguments)
    loads = {
        "large": Load("One large file", 1, chosen.size),
        "weights": Load("Small files of weights", chosen.count, 6 * 2**10),
        "texts": Load("Small texts", chosen.count, 6 * 2**10, text=True),
    }
    for name, load in loads.items():
        if chosen.only in (None, name):
            measure(load, chosen.rounds)
