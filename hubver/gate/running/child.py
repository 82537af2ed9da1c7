"""A child process that runs pytest on the user's gates: watched, heard, and ended with all that it started.

It runs code that others wrote, so it is given what it needs to read, and nothing that it could write with.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from typing import TYPE_CHECKING

from hubver.errors import BadToken, HarnessFailed, NotFound
from hubver.hub.client import Hub
from hubver.oidc_settings import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from hubver.settings import Settings

# Starts each line of the child's output that is meant for people who wait.
PROGRESS = "hubver: "
_TAIL_LINES = 40
# What else a job may hold that gates have no use for.
_NOT_FOR_GATES = {
    *VARIABLES.values(),
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUBVER_PRODUCTION_TOKEN", "HUBVER_SIGN_PASSWORD"),
    *("GITHUB_TOKEN", "HUBVER_GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN"),
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",  # is for the process that exchanges tokens
    # For the same reason left out as the project's own options.
    "PYTEST_ADDOPTS",
}


def run(
    command: list[str], settings: Settings, progress: Callable[[str], None] | None, timeout_seconds: float | None
) -> tuple[int, deque[str]]:
    """Run a command in the project's folder until it ends, and end whatever it left behind.

    Args:
        command: what to run.
        settings: of the project; the token reaches the child by its environment only, and is taken out of what it says.
            A job that is trusted without one hands on what it gets for an hour, and only where the model is private.
        progress: called with each line that is meant for people who wait.
        timeout_seconds: after which the child is killed; None to wait for ever.

    Returns:
        Its exit code, negative where a signal ended it, and its last lines.

    Raises:
        HarnessFailed: it did not end in time.
        BadToken, HubUnreachable, HubFailed: there is no token to read with.
    """
    token = _token(settings)
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    child = subprocess.Popen(
        command,
        cwd=settings.root,
        env=_environment(settings, token),
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


def _token(settings: Settings) -> SecretStr | None:
    """What the child reads with: the token that is kept, else one for an hour if there must be one."""
    if settings.token is not None or settings.oidc is None or "/" not in settings.oidc.resource:
        return settings.token
    try:
        Hub(settings.endpoint).refs(settings.oidc.resource)
    except (NotFound, BadToken):
        return Hub.of(settings, settings.oidc.resource).token
    return None


def _environment(settings: Settings, token: SecretStr | None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_GATES}
    environment |= {"HF_ENDPOINT": settings.endpoint, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    # Read by CUDA when it starts; without it some of its sums are not repeatable.
    environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if token is not None:
        environment["HF_TOKEN"] = token.get_secret_value()
    return environment


def last_words(tail: deque[str]) -> str:
    """The end of what a child said, in one line."""
    last = [line for line in tail if line.strip("=-_! ")][-5:]  # without pytest's rules
    return "Its last words: " + " / ".join(last) if last else "It said nothing."
