"""Promoting, rolling back and looking, with a long history and a short one, against what a user would pick instead.

The same operations at 10, 500 and 5,000 versions: by hubver; by deleting and creating the branch with huggingface_hub; by
uploading the adapter to the branch, one that the Hub has never seen and one that it has; by gto, whose stages are git
tags, in a clone that is up to date; by MLflow, whose aliases are rows of a database. All but MLflow talk to the same
embedded Hub, in a process of its own, which counts what reaches it; MLflow has a SQLite file and no server, so it is
the least that a registry can cost and not the same thing.

Each way is a process that has imported everything and done everything once; that is the library call. The command line is timed from
the start of its processes to their end; MLflow has none for aliases, so there it is a script of the fewest lines. The ways
take turns, round by round. A dash says that a way cannot do it: no branch tells where it was, and MLflow's `log` lists
versions, because it does not keep where an alias was.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.counted_hub import CountedHub, Traffic, counted_hub

SIZES = (10, 500, 5000)
OPERATIONS = ("promote", "rollback", "status", "log")
PACKAGES = {"gto": ["gto==1.10.1"], "mlflow": ["mlflow-skinny==3.17.2", "sqlalchemy", "alembic"]}


@dataclass
class Measured:
    """One operation of one way, at one length of history, by library or by command line."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    traffic: list[Traffic] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def work(self) -> float:
        """Seconds that client and Hub together had of a processor."""
        return statistics.median(self.processor)

    def __str__(self) -> str:
        return f"{self.median:.3f} ({min(self.seconds):.3f} to {max(self.seconds):.3f})"


Table = defaultdict[tuple[str, str, str, int], Measured]


def environment_of(name: str, folder: Path) -> Path:
    """The Python of an environment that has a peer, made where it is not there yet."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        print(f"installing {' '.join(PACKAGES[name])} into {folder / name}", file=sys.stderr)
        venv.create(folder / name, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES[name]], check=True)
    return python


def set_up(hub: CountedHub, folder: Path, versions: int, environments: Path, only: list[str]) -> list:
    """Every way, with a history of so many versions."""
    from benchmarks import release_ways
    from hubver.settings import Settings

    print(f"writing {versions} versions", file=sys.stderr)
    home = folder / "home"
    home.mkdir(parents=True)
    # The Hub's client asks a Hub for this once a day, and would ask each time one that has it not.
    (home / ".agent_harnesses.json").write_text('{"standardEnvVars": [], "harnesses": {}}')
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
        **hub.environment,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    settings = Settings(endpoint=hub.environment["HF_ENDPOINT"], token=hub.environment["HF_TOKEN"])
    ways = [release_ways.hubver(hub, settings, environment, folder, versions)]
    if "branch" in only:
        ways.append(release_ways.replaced_branch(environment, folder, versions))
    if "upload" in only:
        ways += [release_ways.uploaded_folder(environment, folder, versions, new=new) for new in (True, False)]
    if "gto" in only:
        ways.append(release_ways.gto(environment_of("gto", environments), hub, environment, folder, versions))
    if "mlflow" in only:
        ways.append(release_ways.mlflow(environment_of("mlflow", environments), environment, folder, versions))
    return ways


def measure(hub: CountedHub, way, versions: int, table: Table, *, commands: bool) -> None:
    """One round of one way, the command line with it or without."""
    for kind, does in (("library", way.library), *([("command", way.command)] if commands else [])):
        for operation in OPERATIONS:
            if operation in does:
                way.before.get(operation, lambda: None)()
                hub.take()
                measured = table[operation, kind, way.name, versions]
                cost = does[operation]()
                traffic = hub.take()
                measured.seconds.append(cost.seconds)
                measured.processor.append(cost.processor + traffic.processor)
                measured.traffic.append(traffic)
                print(
                    f"{way.name}, {versions}, {operation}, {kind}: {cost.seconds:.3f} s, processor {cost.processor:.3f} s,"
                    f" Hub's {traffic.processor:.3f} s, {len(traffic.requests)} requests, {traffic.sent} {traffic.received}",
                    file=sys.stderr,
                )


def report(table: Table, sizes: list[int], *, paths: bool) -> None:
    """Every operation, and what it grows by from the shortest history to the longest."""
    names = list(dict.fromkeys(name for _, _, name, _ in table))
    print(
        f"seconds, median (fastest to slowest), on {os.cpu_count()} processors; seconds of a processor that client and Hub "
        "had together, median; requests and KB, the most of a round"
    )
    for kind, title in (("library", "library call in a warm process"), ("command", "command line, from start to end")):
        for operation in OPERATIONS:
            rounds = max((len(one.seconds) for key, one in table.items() if key[:2] == (operation, kind)), default=0)
            print(f"\n{operation}, {title}, {rounds} rounds")
            print(
                f"  {'versions':<26}"
                + "".join(f"{size:<26,}" for size in sizes)
                + "growth   requests, KB sent/received"
            )
            for name in names:
                row = [table.get((operation, kind, name, size)) for size in sizes]
                print(f"  {name:<26}" + (_row(row) if all(row) else "-"))
                if paths and all(row) and name == "hubver":
                    print("".join(f"      {request[:110]}\n" for request in row[-1].traffic[-1].requests), end="")


def _row(row: list[Measured]) -> str:
    requests = [max(len(one.requests) for one in measured.traffic) for measured in row]
    sent, received = (
        [max(getattr(one, way) for one in measured.traffic) / 1000 for measured in row] for way in ("sent", "received")
    )
    flows = " ".join(f"{mine:,.0f}/{theirs:,.0f}" for mine, theirs in zip(sent, received, strict=True))
    growth = f"{row[-1].median / row[0].median:.2f}x"
    work = " ".join(f"{measured.work:.3f}" for measured in row) + f" ({row[-1].work / row[0].work:.2f}x)"
    times = "".join(f"{measured!s:<26}" for measured in row)
    return f"{times}{growth:<8}{work:<27}{' '.join(map(str, requests))}, {flows}"


def main(arguments: list[str]) -> None:
    ways = ["branch", "upload", "gto", "mlflow"]
    parser = argparse.ArgumentParser(prog="releases", description="Promote and roll back, by length of history")
    parser.add_argument("--versions", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--commands", type=int, default=3, help="rounds of the command line, which take longer")
    parser.add_argument("--against", nargs="*", choices=ways, default=ways)
    parser.add_argument("--environments", type=Path, help="where gto and MLflow are, or are to be installed and kept")
    parser.add_argument("--paths", action="store_true", help="show the requests of hubver, too")
    chosen = parser.parse_args(arguments)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    with tempfile.TemporaryDirectory(prefix="hubver-bench-") as name, ExitStack() as ends:
        folder = Path(name)
        os.environ["HF_HOME"] = str(folder / "home")
        hub = ends.enter_context(counted_hub(folder / "hub"))
        _make_base(hub)
        sets = {
            size: set_up(hub, folder / str(size), size, chosen.environments or folder, chosen.against)
            for size in chosen.versions
        }
        table: Table = defaultdict(Measured)
        for number in range(chosen.rounds + 1):
            print(f"round {number} of {chosen.rounds}", file=sys.stderr)
            # Round 0 is for getting warm, and nobody's.
            target, commands = (table, number <= chosen.commands) if number else (defaultdict(Measured), False)
            for turn in range(len(sets[chosen.versions[0]])):
                for size in chosen.versions:
                    measure(hub, sets[size][turn], size, target, commands=commands)
        for one in sets.values():
            for way in one:
                way.peer.end()
    report(table, chosen.versions, paths=chosen.paths)


def _make_base(hub: CountedHub) -> None:
    from huggingface_hub import HfApi

    from benchmarks.release_history import BASE

    api = HfApi(endpoint=hub.environment["HF_ENDPOINT"], token=hub.environment["HF_TOKEN"])
    api.create_repo(BASE)
    api.upload_file(path_or_fileobj=b'{"model_type": "llama"}', path_in_repo="config.json", repo_id=BASE)
