"""The ways to have applications get another version, each set up with a history of so many versions."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import release_history, servers
from benchmarks.peer_loop import processor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.counted_hub import CountedHub
    from hubver.settings import Settings

HERE = Path(__file__).parent
HF = Path(sys.executable).parent / "hf"
ADAPTER = 64 * 2**20
LIMIT_S = 60


class Cost(NamedTuple):
    """Seconds by the clock, and seconds that whoever did it had of a processor."""

    seconds: float
    processor: float


class TooLongError(Exception):
    """It took longer than anybody waits, and was stopped."""


class Peer:
    """A process that does what it is asked, and says how long that took.

    Args:
        python: of the environment that has what it needs.
        script: one of the `peer_*.py` here.
    """

    def __init__(self, python: Path, script: str, environment: dict[str, str], folder: Path) -> None:
        self.command = [str(python), str(HERE / script)]
        self.environment, self.folder = environment, folder
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=folder, text=True
        )

    def ask(self, operation: str, **arguments: object) -> Cost:
        """Do something in the warm process."""
        self._process.stdin.write(json.dumps({"operation": operation, **arguments}) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], LIMIT_S)[0]:
            self._process.kill()
            self._process.wait()
            raise TooLongError
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.command[1]} ended over {operation} {arguments}")
        answer = json.loads(line)
        return Cost(answer["seconds"], answer["processor"])

    def run(self, *commands: Sequence[object]) -> Cost:
        """Run some commands, one after the other."""
        began, used = time.perf_counter(), processor()
        for command in commands:
            words = [str(word) for word in command]
            done = subprocess.run(
                words,
                env=self.environment,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT_S,
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
        return Cost(time.perf_counter() - began, processor() - used)

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()


@dataclass(frozen=True)
class Way:
    """One way, at one length of history.

    Attributes:
        library: operation → do it in the warm process.
        command: operation → the same by the command line. Not every way has every operation.
        before: what must be done, and is not timed, before an operation.
    """

    name: str
    peer: Peer
    library: dict[str, Callable[[], Cost]]
    command: dict[str, Callable[[], Cost]]
    before: dict[str, Callable[[], object]]


def hubver(hub: CountedHub, settings: Settings, environment: dict[str, str], folder: Path, versions: int) -> Way:
    """hubver; the repository that is made for it is the one that the ways of the Hub use as well."""
    repo = f"acme/router-{versions}"
    waiting = release_history.build(hub.root, settings, repo, versions, folder / "published")
    search = f"{HERE.parent}:{HERE}"
    peer = Peer(Path(sys.executable), "peer_hubver.py", {**environment, "PYTHONPATH": search}, folder)
    command = [sys.executable, "-m", "hubver"]
    return Way(
        "hubver",
        peer,
        {
            "promote": lambda: peer.ask("promote", repo=repo, version=str(waiting)),
            **{verb: lambda verb=verb: peer.ask(verb, repo=repo) for verb in ("rollback", "status", "log")},
        },
        {
            "promote": lambda: peer.run([*command, "promote", f"{repo}@{waiting}"]),
            **{verb: lambda verb=verb: peer.run([*command, verb, repo]) for verb in ("rollback", "status", "log")},
        },
        {"promote": lambda: release_history.judge(settings, repo, waiting)},
    )


def replaced_branch(environment: dict[str, str], folder: Path, versions: int) -> Way:
    """The branch is deleted and created elsewhere: nobody finds it in between, and nothing tells where it was."""
    repo, branch = f"acme/router-{versions}", "live"
    peer = Peer(Path(sys.executable), "peer_hub.py", environment, folder)
    to = {"promote": f"v1.{versions}.0", "rollback": f"v1.{versions - 1}.0"}
    peer.run([HF, "repos", "branch", "create", repo, branch])
    return Way(
        "delete + create branch",
        peer,
        {
            **{
                verb: lambda at=revision: peer.ask("replace", repo=repo, branch=branch, revision=at)
                for verb, revision in to.items()
            },
            "status": lambda: peer.ask("status", repo=repo, branch=branch),
        },
        {
            verb: lambda at=revision: peer.run(
                [HF, "repos", "branch", "delete", repo, branch],
                [HF, "repos", "branch", "create", repo, branch, "--revision", at],
            )
            for verb, revision in to.items()
        },
        {},
    )


def uploaded_folder(environment: dict[str, str], folder: Path, versions: int, *, new: bool) -> Way:
    """The adapter is uploaded to the branch: one that the Hub has never seen, or one of two that it has."""
    repo, branch = f"acme/router-{versions}", "uploaded-new" if new else "uploaded"
    peer = Peer(Path(sys.executable), "peer_hub.py", environment, folder)
    peer.run([HF, "repos", "branch", "create", repo, branch])
    places = {verb: folder / f"{branch}-{verb}" for verb in ("promote", *(() if new else ("rollback",)))}
    for number, place in enumerate(places.values()):
        release_history.write_output(place, versions + number, ADAPTER)
        if not new:
            peer.ask("upload", repo=repo, branch=branch, folder=str(place))

    def other_bytes() -> None:
        file = places["promote"] / "adapter_model.safetensors"
        with file.open("r+b") as opened:
            opened.seek(-ADAPTER // 2 * 2, os.SEEK_END)
            opened.write(os.urandom(ADAPTER // 2 * 2))

    reads = {verb: lambda verb=verb: peer.ask(verb, repo=repo, branch=branch) for verb in ("status", "log")}
    return Way(
        f"upload of 64 MiB, {'new' if new else 'known'}",
        peer,
        {
            verb: lambda at=place: peer.ask("upload", repo=repo, branch=branch, folder=str(at))
            for verb, place in places.items()
        }
        | ({} if new else reads),
        {
            verb: lambda at=place: peer.run([HF, "upload", repo, at, ".", "--revision", branch])
            for verb, place in places.items()
        },
        {"promote": other_bytes} if new else {},
    )


def gto(python: Path, hub: CountedHub, environment: dict[str, str], folder: Path, versions: int) -> Way:
    """Tags of gto in a clone that nobody else has made old, pushed to a repository of the same Hub.

    Back to a version that had the stage before is refused without `--force`.
    """
    repo = f"acme/gto-{versions}"
    url = hub.environment["HF_ENDPOINT"].replace("//", f"//dev:{hub.environment['HF_TOKEN']}@") + f"/{repo}"
    clone = folder / "gto"
    bare = hub.root / "models" / repo / "repo.git"
    subprocess.run([HF, "repos", "create", repo], env=environment, check=True, capture_output=True)
    _write_gto_tags(bare, folder, versions)
    servers.git("clone", "-q", url, clone, home=folder)
    for key, value in (("user.name", "dev"), ("user.email", "dev@example.org")):
        servers.git("config", key, value, home=folder, cwd=clone)
    peer = Peer(python, "peer_gto.py", {**environment, **servers.GIT, "HOME": str(folder)}, clone)
    program = python.parent / "gto"
    to = {"promote": f"v1.{versions}.0", "rollback": f"v1.{versions - 1}.0"}
    fetch = ["git", "fetch", "-q", "--tags"]
    return Way(
        "gto, pushed to the Hub",
        peer,
        {
            **{
                verb: lambda at=version: peer.ask("assign", folder=str(clone), version=at)
                for verb, version in to.items()
            },
            **{verb: lambda verb=verb: peer.ask(verb, folder=str(clone)) for verb in ("status", "log")},
        },
        {
            **{
                verb: lambda at=version: peer.run(
                    [program, "assign", "router", "--version", at, "--stage", "production", "--push", "--force"]
                )
                for verb, version in to.items()
            },
            "status": lambda: peer.run(fetch, [program, "show", "router#production"]),
            "log": lambda: peer.run(fetch, [program, "history", "router"]),
        },
        {},
    )


def _write_gto_tags(bare: Path, folder: Path, versions: int) -> None:
    """A commit for each version, the tag that registers it, and the tag that gave it the stage."""
    who = f"dev <dev@example.org> {int(time.time()) - 600 * versions}"
    lines = []
    for number in range(versions + 1):
        when = f"{who.rpartition(' ')[0]} {int(who.rpartition(' ')[2]) + 600 * number} +0000"
        lines += ["commit refs/heads/main", f"mark :{number + 1}", f"committer {when}", "data 1", "x"]
        lines += [f"from {'refs/heads/main^0' if not number else f':{number}'}"]
        lines += [f"M 100644 inline number\ndata {len(str(number))}\n{number}"]
        stages = [f"router#production#{number + 1}"] if number < versions else []
        for tag in (f"router@v1.{number}.0", *stages):
            lines += [f"tag {tag}", f"from :{number + 1}", f"tagger {when}", "data 7", "release"]
    (folder / "import").write_text("\n".join([*lines, "done", ""]))
    with (folder / "import").open("rb") as stream:
        subprocess.run(["git", "fast-import", "--quiet", "--done"], cwd=bare, stdin=stream, check=True)
    servers.git("pack-refs", "--all", home=folder, cwd=bare)  # as the embedded Hub keeps them


def mlflow(python: Path, environment: dict[str, str], folder: Path, versions: int) -> Way:
    """An alias in a SQLite file of this machine: no request, because there is no server between."""
    own = {**environment, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    peer = Peer(python, "peer_mlflow.py", own, folder)
    peer.ask("make", versions=versions + 1)
    to = {"promote": versions + 1, "rollback": versions}

    def once(operation: str, **arguments: object) -> Cost:
        return peer.run([*peer.command, operation, json.dumps(arguments)])

    return Way(
        "MLflow alias, SQLite file",
        peer,
        {
            **{verb: lambda at=version: peer.ask("alias", version=at) for verb, version in to.items()},
            "status": lambda: peer.ask("status"),
            "log": lambda: peer.ask("log"),
        },
        {
            **{verb: lambda at=version: once("alias", version=at) for verb, version in to.items()},
            "status": lambda: once("status"),
            "log": lambda: once("log"),
        },
        {},
    )
