"""Run the recorded command as a process group of its own, without the user's tokens, and end it with us.

This is no sandbox: the code is whoever published it, and may do what the user may. What is kept from it is what it has no
business with: the home directory, and every variable of the environment that is not named here.
"""

from __future__ import annotations

import os
import signal
import site
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import HarnessFailed
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hubver.reproduce.place import Place

# What a process needs to run at all, and to see the same devices as the user's own processes.
_HANDED_ON = ("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "USER", "LOGNAME", "SHELL", "LD_LIBRARY_PATH", "PYTHONPATH")
_HANDED_ON_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "XLA_")
_TOLD_EVERY_S = 10.0
_LOOKED_EVERY_S = 0.1
_GRACE_S = 5.0
_TAIL_BYTES = 8192


@dataclass(frozen=True)
class Ran:
    """How the run ended: its exit code, and the seconds it took."""

    exit_code: int
    seconds: float


def environment(place: Place, interpreter: Path, variables: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """The environment variables of the run.

    Args:
        place: where it runs.
        interpreter: of the run; its folder comes first in `PATH`.
        variables: those that the record names.
        endpoint: the only Hub that it is told of.
    """
    kept = {
        name: value for name, value in os.environ.items() if name in _HANDED_ON or name.startswith(_HANDED_ON_PREFIXES)
    }
    fresh = interpreter.is_relative_to(place.venv)
    paths = [variables.get("PYTHONPATH", ""), "" if fresh else kept.get("PYTHONPATH", ""), str(place.packages)]
    return {
        **kept,
        # Threads that wait asleep: the same numbers, and no slower for what else runs here.
        "OMP_WAIT_POLICY": "PASSIVE",
        **variables,
        "PATH": os.pathsep.join([str(interpreter.parent), kept.get("PATH", os.defpath)]),
        # The last is for an interpreter that has no hubver; for ours it is the same one.
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUSERBASE": str(place.home if fresh else site.getuserbase()),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(place.home),
        "XDG_CACHE_HOME": str(place.home / ".cache"),
        "TMPDIR": str(place.temporary),
        "HF_HOME": str(place.cache),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # The view of the pins answers plain requests alone.
        "HF_HUB_DISABLE_XET": "1",
        # No tracker hears of the run a second time.
        "WANDB_MODE": "disabled",
        "COMET_MODE": "disabled",
        "HUBVER_REPRODUCING": "1",
    }


def run(
    command: Sequence[str], directory: Path, variables: Mapping[str, str], log: Path, tell: Callable[[str], None]
) -> Ran:
    """Run a command to its end.

    Args:
        command: with the interpreter.
        directory: where.
        variables: its whole environment.
        log: gets what it prints.
        tell: told now and then how long it has been running, and what it printed last.

    Raises:
        HarnessFailed: it could not be started.
    """
    began = time.monotonic()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise HarnessFailed(f"{command[0]} could not be started.", found=error.strerror) from None
        try:
            _wait(process, log, tell, began)
        finally:
            _end(process)
    return Ran(process.returncode, round(time.monotonic() - began, 1))


def last_lines(log: Path, count: int) -> list[str]:
    """The end of what the run printed, without what is empty or a progress bar's earlier state, redacted."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return [redact(line) for line in lines if line][-count:]


def _wait(process: subprocess.Popen[bytes], log: Path, tell: Callable[[str], None], began: float) -> None:
    told = began
    while process.poll() is None:
        time.sleep(_LOOKED_EVERY_S)
        now = time.monotonic()
        if now - told >= _TOLD_EVERY_S:
            told = now
            last = last_lines(log, 1)
            tell(f"running for {now - began:.0f} s" + (f": {last[0][:100]}" if last else ""))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, also where only its first process has ended; gently first."""
    if not _signal(process, signal.SIGTERM):
        return
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline:
        process.poll()
        if not _signal(process, 0):
            return
        time.sleep(_LOOKED_EVERY_S)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the group; False where nobody of it is left."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
