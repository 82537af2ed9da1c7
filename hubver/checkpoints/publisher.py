"""The training's side: start the process that publishes, wake it, and at the end wait for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import hubver
from hubver.checkpoints.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

# The package's own folder goes first, and the working directory away: its files may be named like anything.
_CODE = (
    "import sys; sys.path[:] = [sys.argv[2], *filter(None, sys.path)]; "
    "from hubver.checkpoints.worker import main; main(sys.argv[1])"
)
# A process that ends by itself is started again, but not for ever.
_STARTS = 3
_TELL_EVERY_S = 30.0


class Publisher:
    """Publishes what is added to a spool in another process, as long as this one trains.

    Args:
        output: the trainer's output folder.
        say: told what became of each entry, in one line; called from another thread.

    Attributes:
        outcomes: one a try, as `hubver.checkpoints.pending.Outcome` in plain values.
    """

    def __init__(self, output: Path, say: Callable[[str], None]) -> None:
        self.output = output
        self.outcomes: list[dict[str, Any]] = []
        self._say = say
        self._worker: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._starts = 0
        self._waiting_since: float | None = None

    def wake(self) -> None:
        """Say that something has been added. Never waits and never raises: what is not published stays set aside."""
        if self._worker is None or self._worker.poll() is not None:
            self._start()
        if self._worker is not None and self._worker.stdin is not None:
            try:
                self._worker.stdin.write("\n")
                self._worker.stdin.flush()
            except OSError:
                self._say("the process that publishes has ended; what waits is published later")

    def finish(self, seconds: float) -> None:
        """Wait until all checkpoints are published, or have been tried once more; at most so many seconds."""
        if self._still():
            self.wake()
        worker, reader = self._worker, self._reader
        if worker is None or reader is None:
            return
        self._close_input(worker)
        self._wait(worker, time.monotonic() + seconds)
        reader.join()
        self._worker = self._reader = None

    def _still(self) -> int:
        return Spool(self.output).checkpoints()

    def _wait(self, worker: subprocess.Popen[str], until: float) -> None:
        self._waiting_since = time.monotonic()
        while worker.poll() is None:
            left = until - time.monotonic()
            if left <= 0:
                # It may be in the midst of an upload; whoever goes on finds out how far that got.
                worker.terminate()
                worker.wait()
                return
            try:
                worker.wait(min(left, _TELL_EVERY_S))
            except subprocess.TimeoutExpired:
                self._say(
                    f"{self._still()} still to be published; waiting {max(left - _TELL_EVERY_S, 0):.0f} s more at most"
                )

    def _start(self) -> None:
        if self._starts == _STARTS or not sys.executable:
            return
        self._starts += 1
        home = str(Path(hubver.__file__).resolve().parents[1])
        try:
            self._worker = subprocess.Popen(
                [sys.executable, "-c", _CODE, str(self.output), home],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                # Ctrl-C is for the training; this process then publishes what waits, and ends.
                start_new_session=True,
            )
        except OSError as error:
            self._worker = None
            self._say(f"no process can be started to publish checkpoints: {error}")
            return
        self._reader = threading.Thread(target=self._read, args=(self._worker.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                event = json.loads(line)
                if "outcome" in event:
                    self.outcomes.append(event["outcome"])
                    self._say(_sentence(event["outcome"]))
                elif "failure" in event:
                    self._say(event["failure"])
                elif self._waiting_since is not None:
                    self._say(event["step"])

    @staticmethod
    def _close_input(worker: subprocess.Popen[str]) -> None:
        if worker.stdin is not None:
            try:
                worker.stdin.close()
            except OSError:
                return  # it has ended already


def _sentence(outcome: dict[str, Any]) -> str:
    if outcome["failure"] is not None:
        return f"{outcome['name']} waits in {outcome['folder']}: {outcome['failure']}"
    done = "was already" if outcome["already"] else "is"
    return f"{outcome['name']} {done} on the Hub: {outcome['url']}"
