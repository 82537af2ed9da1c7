"""A child process that runs pytest on the user's gates: watched, heard, and ended with all that it started.

It runs code that others wrote: see `given` for what it gets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from typing import TYPE_CHECKING

from hubver.errors import HarnessFailed
from hubver.gate.running import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from hubver.settings import Settings

# Starts each line of the child's output that is meant for people who wait.
PROGRESS = "hubver: "
_TAIL_LINES = 40


def run(
    command: list[str], settings: Settings, progress: Callable[[str], None] | None, timeout_seconds: float | None
) -> tuple[int, deque[str]]:
    """Run a command in the project's folder until it ends, and end whatever it left behind.

    Args:
        command: what to run.
        settings: of the project; the token reaches the child by its environment only, and is taken out of what it says.
        progress: called with each line that is meant for people who wait.
        timeout_seconds: after which the child is killed; None to wait for ever.

    Returns:
        Its exit code, negative where a signal ended it, and its last lines.

    Raises:
        HarnessFailed: it did not end in time.
        BadToken, HubUnreachable, HubFailed: there is no token to read with.
    """
    token = given.token(settings)
    with given.closed():
        return _run(command, settings, token, progress, timeout_seconds)


def _run(
    command: list[str],
    settings: Settings,
    token: SecretStr | None,
    progress: Callable[[str], None] | None,
    timeout_seconds: float | None,
) -> tuple[int, deque[str]]:
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    child = subprocess.Popen(
        command,
        cwd=settings.root,
        env=given.environment(settings, token),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        # Its own group, so that whatever it starts can be ended with it.
        start_new_session=True,
    )
    # Whatever the gates left behind ends with them, and could otherwise hold our end of the pipe open for ever.
    sweeper = threading.Thread(target=_sweep, args=(child,))
    sweeper.start()
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(child)

    timer = threading.Timer(timeout_seconds or 0.0, stop)
    if timeout_seconds is not None:
        timer.start()
    try:
        for line in _lines(child, token):
            tail.append(line)
            if progress is not None and line.startswith(PROGRESS):
                progress(line.removeprefix(PROGRESS))
        code = child.wait()
    finally:
        timer.cancel()
        _kill(child)
        sweeper.join()
        if child.stdout:
            child.stdout.close()
    if late.is_set():
        raise HarnessFailed(
            f"The gate did not end within {timeout_seconds:g} seconds and was stopped.", hint=last_words(tail)
        )
    return code, tail


def _lines(child: subprocess.Popen[str], token: SecretStr | None) -> Iterator[str]:
    secret = token.get_secret_value() if token else None
    for line in child.stdout or ():
        # Gates are the user's code, and could print what they were given.
        yield (line.replace(secret, "[token]") if secret else line).rstrip()


def _kill(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it ended in between
            os.killpg(child.pid, signal.SIGKILL)


def _sweep(child: subprocess.Popen[str]) -> None:
    """Wait for the child's end, then end what is left of its group."""
    child.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def last_words(tail: deque[str]) -> str:
    """The end of what a child said, in one line."""
    last = [line for line in tail if line.strip("=-_! ")][-5:]  # without pytest's rules
    return "Its last words: " + " / ".join(last) if last else "It said nothing."
