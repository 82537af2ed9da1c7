"""`hubver push` of a folder against `HfApi.upload_folder` of the same folder: time, memory, and how often it is read.

`upload_folder` is what a user would call who wants the files on the Hub and nothing else: no record, no digests that
are compared with what arrived, no tag, no ledger. Each way runs in a process of its own, against a Hub of its own in
another, with a home of its own, so that nothing is there already; the two take turns at being first. The time is that of
the whole process, from its first line to its last, its imports among them.

How often the folder is read is what the process has read (`rchar` in /proc/self/io, which counts sockets too) by the
folder's size. By Xet, `upload_folder` reads once and hashes by sha256 on the way; by LFS it reads to hash and again to
send. `push` always reads to hash, and again to send what it has hashed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.throughput import content, size_of, warm

BEGIN = """
import time
began = time.perf_counter()
import json, sys
from pathlib import Path
"""
UPLOAD = """
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("acme/bench")
api.upload_folder(repo_id="acme/bench", folder_path=sys.argv[1])
"""
PUSH = """
from hubver.cli.main import main
sys.argv[1:] = ["push", sys.argv[1], "acme/bench"]
sys.stderr = sys.stdout = open("/dev/null", "w")
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
sys.stdout = sys.__stdout__
"""
END = """
took = time.perf_counter() - began
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
io = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
print(json.dumps([took, time.process_time(), int(status["VmHWM"].split()[0]) * 1024, int(io["rchar"])]))
"""
WAYS = {"upload_folder": BEGIN + UPLOAD + END, "hubver push": BEGIN + PUSH + END}
_MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """What one upload took: seconds, processor seconds of all threads, the most memory in bytes, and bytes read."""

    seconds: float
    processor: float
    memory: int
    read: int


def write_model(folder: Path, size: int, shards: int) -> None:
    """A whole model of so many bytes in so many shards, with random weights."""
    folder.mkdir()
    names = [f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)]
    each = size // shards // 2 * 2
    for number, name in enumerate(names):
        header = {f"layers.{number}.weight": {"dtype": "BF16", "shape": [each // 2], "data_offsets": [0, each]}}
        raw = json.dumps(header).encode()
        raw += b" " * (-len(raw) % 8)
        with (folder / name).open("wb") as file:
            file.write(struct.pack("<Q", len(raw)) + raw)
            for start in range(0, each, 16 * _MIB):
                file.write(content(min(16 * _MIB, each - start), text=False))
    where = {f"layers.{number}.weight": name for number, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    (folder / "tokenizer_config.json").write_text("{}")


def upload(way: str, source: Path, *, xet: bool) -> Cost:
    known = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    with tempfile.TemporaryDirectory(prefix="hubver-bench-hub-") as folder, servers.hub(Path(folder, "hub")) as server:
        own = {
            "HF_HOME": str(Path(folder, "home")),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_XET": "0" if xet else "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", WAYS[way], str(source)],
            env={**known, **server.environment, **own},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return Cost(*json.loads(done.stdout))


def measure(size: int, shards: int, rounds: int, *, xet: bool) -> None:
    name = "Xet" if xet else "LFS"
    costs: dict[str, list[Cost]] = defaultdict(list)
    for number in range(rounds):
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="hubver-bench-") as folder:
            source = Path(folder, "out")
            write_model(source, size, shards)
            warm(source)
            for way in list(WAYS)[:: 1 if number % 2 else -1]:
                costs[way].append(upload(way, source, xet=xet))
    report(name, size, costs)


def report(name: str, size: int, costs: dict[str, list[Cost]]) -> None:
    theirs = [cost.seconds for cost in costs["upload_folder"]]
    print(f"\n{name}: {size / _MIB:.0f} MiB, median of {len(theirs)} (fastest to slowest)")
    for way in WAYS:
        times = [cost.seconds for cost in costs[way]]
        ratios = [mine / other for mine, other in zip(times, theirs, strict=True)]
        print(
            f"  {way:<14} {statistics.median(times):6.2f} s ({min(times):.2f} to {max(times):.2f})"
            f"  {statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"
            f"  processor {statistics.median(cost.processor for cost in costs[way]):.2f} s"
            f"  memory {max(cost.memory for cost in costs[way]) / _MIB:.0f} MiB"
            f"  read {max(cost.read for cost in costs[way]) / size:.2f} times"
        )
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="push_folder", description="hubver push against HfApi.upload_folder")
    parser.add_argument("--size", type=size_of, default=2 * 2**30, help="of the weights: 256M, 2G (the default)")
    parser.add_argument("--shards", type=int, default=4, help="files that they are in (4)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("xet", "lfs"), help="one way to send alone")
    chosen = parser.parse_args(arguments)
    for xet in (True, False):
        if chosen.only in (None, "xet" if xet else "lfs"):
            measure(chosen.size, chosen.shards, chosen.rounds, xet=xet)
