"""A Python that has imported what takes long, and forks itself for each command that a job runs.

The commands of a flow are dozens of processes, of which some load torch, transformers and peft: ten seconds each. A fork
has them at once. It is a process of its own all the same, with the folder, the environment, the streams and the arguments
of whoever called it; what it is called from is told its exit status, and can interrupt it.
"""

from __future__ import annotations

import array
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Only what others have written: a gate's pytest has to import hubver itself.
_SLOW = ("dulwich.repo", "huggingface_hub", "numpy", "peft", "pydantic", "pytest", "torch", "transformers")

# What stands for `python`. It imports next to nothing, to be quick.
_CLIENT = """\
import json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
asked = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
content = json.dumps(asked).encode()
socket.send_fds(server, [len(content).to_bytes(8, "big")], [0, 1, 2])
server.sendall(content)
answers = server.makefile()
process = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(process, number))
status = int(answers.readline() or 255)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


class WarmPython:
    """Starts the server; `close` ends it.

    Attributes:
        bin: a folder with `hubver`, `hf` and `python`, for the PATH of jobs.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        address = str(folder / "socket")
        self.bin = folder / "bin"
        self.bin.mkdir()
        client = folder / "client.py"
        client.write_text(_CLIENT.format(address=address))
        python = self._command("python", client)
        self._command("hubver", client, "-m", "hubver")
        self._command("hf", client, "-m", "huggingface_hub.cli.hf")
        environment = {**os.environ, "PYTHONPATH": str(root), "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # no job inherits it, and each would compile everything
        command = [sys.executable, __file__, address, str(python)]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the server has not started")

    def _command(self, name, client, *before):
        path = self.bin / name
        command = shlex.join([sys.executable, "-I", "-S", str(client), *before])
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        path.chmod(0o755)
        return path

    def close(self):
        with self._process as process:
            process.terminate()


def serve(address, python):
    """Fork for each connection, for ever."""
    for name in _SLOW:
        importlib.import_module(name)
    sys.executable = python
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _attend(connection)
            connection.close()


def _attend(connection):
    """Have a command run in another fork; tell its process and, in the end, its status."""
    size, streams = _received(connection)
    content = b""
    while len(content) < size:
        content += connection.recv(size - len(content))
    process = os.fork()
    if process == 0:
        connection.close()
        _become(json.loads(content), streams)
    for stream in streams:
        os.close(stream)
    watched = os.pidfd_open(process)
    connection.sendall(f"{process}\n".encode())
    ready, _, _ = select.select([connection, watched], [], [])
    if watched not in ready:  # whoever called it is gone
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with suppress(OSError):
        connection.sendall(f"{status}\n".encode())
    os._exit(0)


def _received(connection):
    # As socket.recv_fds does, which may give fewer bytes than were sent.
    streams = array.array("i")
    room = socket.CMSG_SPACE(3 * streams.itemsize)
    size, more, _, _ = connection.recvmsg(8, room)
    streams.frombytes(more[0][2])
    return int.from_bytes(size, "big"), list(streams)


def _become(asked, streams):
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    # They stay open until the process ends.
    sys.stdin = os.fdopen(0, closefd=False, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", closefd=False, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", closefd=False, encoding="utf-8", buffering=1)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    # They were read from the environment when the server started.
    importlib.reload(importlib.import_module("huggingface_hub.constants"))
    os._exit(_run(asked["arguments"]))


def _run(arguments):
    code = 0
    try:
        if arguments[:1] == ["-m"]:
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[:1] == ["-c"]:
            sys.argv = ["-c", *arguments[2:]]
            exec(arguments[1], {"__name__": "__main__"})
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return code


if __name__ == "__main__":
    serve(*sys.argv[1:])
