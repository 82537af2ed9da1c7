"""`hubver` as a program on the PATH that is run in the test's own process, where torch is loaded already.

The program sends its arguments, folder and environment through a socket, and prints what comes back.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pytest

PROGRAM = """#!{python} -IS
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
told = {{name: value for name, value in os.environ.items() if name.startswith(("HF_", "HUBVER_", "CI_PIPELINE_"))}}
line.sendall(json.dumps([sys.argv[1:], os.getcwd(), told]).encode() + b"\\n")
code, out, err = json.load(line.makefile())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


class OnPath:
    """Runs programs that find this `hubver` on their PATH.

    Attributes:
        calls: the arguments of each call, in their order.
        before: what to do before a command of this name.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self.folder = folder
        self.calls: list[list[str]] = []
        self.before: dict[str, Callable[[], object]] = {}
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        # A socket's address is at most some hundred letters long, and pytest's folders may be longer.
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"\0hubver-{os.getpid()}-{id(self)}")
        self._listener.listen()
        address = self._listener.getsockname().decode()
        (folder / "hubver").write_text(PROGRAM.format(python=sys.executable, address=address))
        (folder / "hubver").chmod(0o755)

    def run(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a program to its end. Its environment is what is given, and nothing of this process's but the PATH."""
        path = f"{self.folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        with subprocess.Popen(
            command,
            cwd=cwd,
            env={**env, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            said = ""
            while True:
                ready, _, _ = select.select([self._listener, child.stdout], [], [])
                if self._listener in ready:
                    self._answer()
                elif chunk := os.read(child.stdout.fileno(), 1 << 16).decode():
                    said += chunk
                else:
                    break
        return subprocess.CompletedProcess(command, child.returncode, said, "")

    def close(self) -> None:
        self._listener.close()

    def _answer(self) -> None:
        with self._listener.accept()[0] as line, self._monkeypatch.context() as patch:
            arguments, folder, told = json.loads(line.makefile().readline())
            self.calls.append(arguments)
            self.before.get(arguments[0], lambda: None)()
            for name in [name for name in os.environ if name in ("HF_TOKEN", "HF_ENDPOINT") or "OIDC" in name]:
                patch.delenv(name)
            for name, value in told.items():
                patch.setenv(name, value)
            patch.chdir(folder)
            self._capsys.readouterr()
            code = run(arguments)
            line.sendall(json.dumps([code, *self._capsys.readouterr()]).encode())
