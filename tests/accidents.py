"""What can happen to a process between two of its steps: it is killed there, or the line to the Hub is lost.

A step is whatever the world outside sees of a process: a piece of a request that is sent, an answer that has arrived, a
file that is made, renamed or removed. Between two of them nothing changes but the process's own memory, so to be killed
before each of them, and after each request and answer, is to be killed everywhere.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|PATCH) (\S+) HTTP/1")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}

_LONGEST_WAIT_S = 0.02

# What the four kinds of steps are called.
QUESTION, SENT, ANSWER, FILE = "question", "sent", "answer", "file"


@dataclass(frozen=True)
class Accident:
    """What happens, and where.

    Attributes:
        step: which step it happens at, counted from 1; at none if 0.
        killed: whether the process is killed there; else the connection is lost.
        cut: whether the line is gone for good.
    """

    step: int = 0
    killed: bool = False
    cut: bool = False


class Watch:
    """Counts the steps of this process from now on, writes them down, and lets the accident happen.

    Nothing of it can be taken back: for a process that does nothing else.
    """

    def __init__(self, accident: Accident, log: str) -> None:
        self._accident = accident
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._count, self._dead = 0, False
        self._lock = threading.Lock()
        # Connections whose question has been sent, and its answer not seen.
        self._waiting: dict[int, str] = {}
        self._watch_sockets()
        # Waiting before asking again is no step, and of hundreds of processes it would be most of their time.
        wait = time.sleep
        time.sleep = lambda seconds: wait(min(seconds, _LONGEST_WAIT_S))
        sys.addaudithook(self._watch_files)

    def _step(self, kind: str, what: str) -> bool:
        """Whether the line is lost here."""
        with self._lock:
            self._count += 1
            os.write(self._log, f"{self._count} {kind} {what}\n".encode())
            if self._count != self._accident.step:
                return False
            if self._accident.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            self._dead = self._accident.cut
            return True

    def _lose(self, sock: socket.socket) -> None:
        self._waiting.pop(sock.fileno(), None)
        sock.close()
        raise ConnectionResetError("the line was lost")

    def _watch_files(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _mode, flags = arguments
            if isinstance(path, str | bytes) and int(flags or 0) & _WRITING and os.fsdecode(path) != os.devnull:
                self._step(FILE, f"open {os.fsdecode(path)}")
        elif event in _CHANGES:
            self._step(FILE, f"{event} {arguments[0]!r}")

    def _watch_sockets(self) -> None:
        send, sendall, receive, receive_into = (
            getattr(socket.socket, name) for name in ("send", "sendall", "recv", "recv_into")
        )
        connect = socket.socket.connect

        def sending(real: Any) -> Any:
            def call(sock: socket.socket, data: Any, *flags: int) -> Any:
                if self._dead:
                    self._lose(sock)
                head = _REQUEST.match(bytes(memoryview(data)[:2000]))
                name = " ".join(part.decode() for part in head.groups()) if head else "more of it"
                if self._step(QUESTION, name):
                    self._lose(sock)
                done = real(sock, data, *flags)
                self._waiting[sock.fileno()] = name if head else self._waiting.get(sock.fileno(), name)
                self._step(SENT, name)
                return done

            return call

        def hearing(real: Any) -> Any:
            def call(sock: socket.socket, *arguments: Any) -> Any:
                heard = real(sock, *arguments)
                name = self._waiting.pop(sock.fileno(), None)
                if name is not None and self._step(ANSWER, name):
                    self._lose(sock)
                if self._dead:
                    self._lose(sock)
                return heard

            return call

        def connecting(sock: socket.socket, address: Any) -> None:
            if self._dead:
                raise ConnectionRefusedError("the line was lost")
            connect(sock, address)

        for name, call in {
            "send": sending(send),
            "sendall": sending(sendall),
            "recv": hearing(receive),
            "recv_into": hearing(receive_into),
            "connect": connecting,
        }.items():
            setattr(socket.socket, name, call)
