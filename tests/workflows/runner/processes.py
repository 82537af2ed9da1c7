"""The processes of steps."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation: an interrupt, after 7.5 seconds
# a SIGTERM, 2.5 seconds later the end. Here the whole group hears the interrupt, and what ignores it waits less long.
_PATIENCE_S = 2.0
_OUTPUT_S = 5.0


class TimedOut(Exception):
    """A step took longer than it may."""


def run(command, *, cwd, environment, hear, cancellation, cancelled_before, timeout_s):
    """Run a command of a step; answer its exit status and its process group.

    Args:
        hear: gets each line of the output, as it comes.
        cancelled_before: whether the step began after a cancellation, and so goes on.
        timeout_s: after which it is stopped, or None.

    Raises:
        TimedOut: it was.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    reader = threading.Thread(target=_read, args=(process.stdout, hear), daemon=True)
    reader.start()
    try:
        with cancellation.calling(lambda _: _interrupt(process)):
            if cancellation.cancelled and not cancelled_before:
                _interrupt(process)
            process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _interrupt(process)
        process.wait()
        raise TimedOut from None
    finally:
        # What it left behind may hold on to the output; it is not waited for.
        reader.join(_OUTPUT_S)
        if not reader.is_alive():
            process.stdout.close()
    return process.returncode, process.pid


def end(group):
    """End what is left of a process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _read(output, hear):
    for line in output:
        hear(line.decode("utf-8", "replace"))


def _interrupt(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        end(process.pid)
