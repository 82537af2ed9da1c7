"""Promoting, rolling back and looking, with a long history and a short one, against what a user would pick instead.

The same operations at 10, 500 and 5,000 versions: by hubver; by deleting and creating the branch with huggingface_hub; by
uploading the adapter to the branch, one that the Hub has never seen and one that it has; by gto, whose stages are git
tags, in a clone that is up to date; by MLflow, whose aliases are rows of a database. All but MLflow talk to the same
embedded Hub, in a process of its own, which counts what reaches it; MLflow has a SQLite file and no server, so it is
the least that a registry can cost and not the same thing.

Each way is a process that has imported everything and done everything once; that is the library call. The command line is timed from
the start of its processes to their end; MLflow has none for aliases, so there it is a script of the fewest lines. The ways
take turns, round by round; what takes more than ten seconds is done once, and what takes more than sixty is stopped. A dash says that
a way cannot do it: no branch tells where it was, and MLflow's `log` lists versions, because it does not keep where an
alias was.
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
from itertools import product
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
    stopped: bool = False

    def take(self, cost, traffic: Traffic) -> None:
        self.seconds.append(cost.seconds)
        self.processor.append(cost.processor + traffic.processor)
        self.traffic.append(traffic)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def work(self) -> float:
        """Seconds that client and Hub together had of a processor."""
        return statistics.median(self.processor)

    def __str__(self) -> str:
        if not self.seconds:
            return "stopped after 60 s" if self.stopped else "-"
        if len(self.seconds) == 1:
            return f"{self.median:.3f} (once)"
        return f"{self.median:.3f} ({min(self.seconds):.3f} to {max(self.seconds):.3f})"


Key = tuple[str, str, str, int]
Table = defaultdict[Key, Measured]
_PATIENCE_S = 10


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


def measure(hub: CountedHub, way, versions: int, table: Table, slow: set[Key], *, kind: str, warm: bool) -> None:
    """One round of one way.

    Args:
        slow: what takes so long that once is enough, or that it was stopped.
        kind: `library` or `command`.
        warm: whether everything has been done before; if not, only what is slow counts.
    """
    from benchmarks.release_ways import TooLongError

    does = getattr(way, kind)
    for operation in OPERATIONS:
        key = (operation, kind, way.name, versions)
        if (
            operation not in does
            or not way.peer.is_there
            or not slow.isdisjoint([key, (operation, "library", *key[2:])])
        ):
            continue
        way.before.get(operation, lambda: None)()
        hub.take()
        try:
            cost = does[operation]()
        except TooLongError:
            slow.add(key)
            table[key].stopped = True
            print(f"{key}: stopped", file=sys.stderr)
            continue
        traffic = hub.take()
        print(
            f"{key}: {cost.seconds:.3f} s, processor {cost.processor:.3f} s, Hub's {traffic.processor:.3f} s,"
            f" {len(traffic.requests)} requests, {traffic.sent} {traffic.received}",
            file=sys.stderr,
        )
        if cost.seconds > _PATIENCE_S:
            slow.add(key)
        if warm or key in slow:
            table[key].take(cost, traffic)


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
                row = [table.get((operation, kind, name, size), Measured()) for size in sizes]
                print(f"  {name:<26}" + "".join(f"{measured!s:<26}" for measured in row) + _growth(row))
                if paths and name == "hubver":
                    print("".join(f"      {request[:110]}\n" for request in row[-1].traffic[-1].requests), end="")


def _growth(row: list[Measured]) -> str:
    there = [measured for measured in row if measured.seconds]
    if not there:
        return ""
    requests = " ".join(str(max(len(one.requests) for one in measured.traffic)) for measured in there)
    flows = " ".join(
        f"{max(one.sent for one in measured.traffic) / 1000:,.0f}/"
        f"{max(one.received for one in measured.traffic) / 1000:,.0f}"
        for measured in there
    )
    work = " ".join(f"{measured.work:.3f}" for measured in there)
    if len(there) < len(row):
        return f"{'':<8}{work:<27}{requests}, {flows}"
    work += f" ({row[-1].work / row[0].work:.2f}x)"
    return f"{row[-1].median / row[0].median:.2f}x".ljust(8) + f"{work:<27}{requests}, {flows}"


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
        slow: set[Key] = set()
        for number in range(chosen.rounds + 1):
            print(f"round {number} of {chosen.rounds}", file=sys.stderr)
            for turn, kind, size in product(range(len(sets[chosen.versions[0]])), ("library", "command"), sets):
                # Round 0 is for getting warm. A command starts anew each time.
                if kind == "library" or 0 < number <= chosen.commands:
                    measure(hub, sets[size][turn], size, table, slow, kind=kind, warm=number > 0)
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
