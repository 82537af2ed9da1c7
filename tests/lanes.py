"""hubver's commands in processes of their own, of which hundreds can be started and killed in a minute.

A server that has imported everything forks a lane for each connection, and a lane forks a process for each command. Such
a process differs from `python -m hubver` by nothing but the second that imports take.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from accidents import Accident, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TESTS = Path(__file__).parent


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; -9 where it was killed.
        out: what it printed, notes and errors included.
        steps: its steps in order, as `accidents` names them: kind and what.
    """

    code: int
    out: str
    steps: tuple[tuple[str, str], ...]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Lane:
    """Runs one command at a time."""

    def __init__(self, connection: socket.socket, folder: Path) -> None:
        self._file = connection.makefile("rw", encoding="utf-8")
        self._folder = folder

    def run(
        self, *arguments: str, env: Mapping[str, str], cwd: Path | None = None, accident: Accident | None = None
    ) -> Ended:
        """Run `hubver ARGUMENTS` to its end."""
        log, out = self._folder / "steps", self._folder / "out"
        job = {
            "arguments": arguments,
            "env": dict(env),
            "cwd": str(cwd or self._folder),
            "accident": asdict(accident or Accident()),
            "log": str(log),
            "out": str(out),
        }
        self._file.write(json.dumps(job) + "\n")
        self._file.flush()
        status = json.loads(self._file.readline())
        steps = tuple(tuple(line.split(" ", 2)[1:]) for line in log.read_text().splitlines())
        return Ended(os.waitstatus_to_exitcode(status), out.read_text(), steps)


class Lanes:
    """Opens lanes, for as many threads as want one each."""

    def __init__(self, address: str, folder: Path, stack: ExitStack) -> None:
        self._address, self._folder, self._stack = address, folder, stack

    def open(self) -> Lane:
        connection = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        connection.connect(self._address)
        return Lane(connection, Path(mkdtemp(dir=self._folder)))


@contextmanager
def lanes(folder: Path, environ: Mapping[str, str]) -> Iterator[Lanes]:
    """A server of lanes.

    Args:
        folder: where it may put things.
        environ: the environment that the libraries see when they are imported.
    """
    address = str(folder / "lanes")
    path = os.pathsep.join([str(_TESTS), *filter(None, sys.path)])
    with (
        ExitStack() as stack,
        subprocess.Popen(
            [sys.executable, __file__, address],
            env={**os.environ, **environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
        ) as server,
    ):
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield Lanes(address, folder, stack)
        finally:
            stack.close()
            server.kill()


def _serve(address: str) -> None:
    import hubver.cli.main
    import hubver.cli.promote
    import hubver.cli.push
    import hubver.cli.quarantine
    import hubver.cli.rollback
    import hubver.publish
    import hubver.release  # noqa: F401
    from hubver.hub.client import Hub
    from hubver.hub.transport import git

    Hub("http://127.0.0.1:1").api  # noqa: B018  # imports the Hub's client
    import dulwich.client
    import dulwich.pack  # noqa: F401

    assert git
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # lanes end by themselves
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        listener.settimeout(1)
        print("ready", flush=True)
        while os.getppid() == parent:  # which may be killed, too
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _lane(connection)
                os._exit(0)
            connection.close()


def _lane(connection: socket.socket) -> None:
    with connection, connection.makefile("rw", encoding="utf-8") as file:
        for line in file:
            job = json.loads(line)
            child = os.fork()
            if child == 0:
                _command(job)
            _, status = os.waitpid(child, 0)
            file.write(f"{status}\n")
            file.flush()


def _command(job: dict[str, Any]) -> None:
    """Be the process of one command, to its end."""
    from hubver.cli.main import run

    sys.dont_write_bytecode = True
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    out = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    Watch(Accident(**job["accident"]), job["log"])
    code = run(job["arguments"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def ended_by(outcomes: Sequence[Ended]) -> dict[int, int]:
    """How many ended with each code."""
    return {code: sum(one.code == code for one in outcomes) for code in sorted({one.code for one in outcomes})}


if __name__ == "__main__":
    _serve(sys.argv[1])
