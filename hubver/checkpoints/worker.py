"""The process that publishes checkpoints while another one trains.

A process of its own, because a thread would take the interpreter from the training wherever it reads JSON or looks for
secrets. It is told of new entries by lines on its standard input, tells what became of them by lines of JSON on its
standard output, and ends when its input does: when the training has ended, or has been killed.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub.utils import disable_progress_bars

from hubver.checkpoints.pending import Outcome, finish
from hubver.errors import HubverError
from hubver.hub import upload_memory
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds between tries while the Hub cannot be reached: doubled each time, up to the most.
_WAIT_S = 5.0
_LONGEST_S = 300.0
_NICENESS = 10


def main(output: str) -> None:
    """Publish what waits in a run's output folder, until the standard input ends."""
    with suppress(AttributeError, OSError):  # not on Windows
        os.nice(_NICENESS)  # training goes first
    upload_memory.bound()
    disable_progress_bars()  # they would be drawn over the training's own
    told: queue.Queue[bool] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, told), daemon=True).start()
    more, wait = True, None
    hopeless: set[str] = set()
    while more:
        more = _told(told, wait)
        failed = _publish(Path(output), hopeless)
        wait = min((wait or _WAIT_S / 2) * 2, _LONGEST_S) if failed else None


def _listen(lines: Iterable[str], told: queue.Queue[bool]) -> None:
    for _line in lines:
        told.put(True)
    told.put(False)


def _told(told: queue.Queue[bool], wait: float | None) -> bool:
    """Wait for news, or for the next try; False when no more will come."""
    try:
        more = told.get(timeout=wait)
        while more:
            more = told.get_nowait()
    except queue.Empty:
        return True
    return False


def _publish(output: Path, hopeless: set[str]) -> bool:
    """One pass over all but the hopeless entries, by folder; whether something has failed that may yet succeed."""
    failed = False
    try:
        tell = partial(_say, "step")
        for outcome in finish(output, kinds=("checkpoint", "best"), but=frozenset(hopeless), progress=tell):
            _say("outcome", _plain(outcome))
            if outcome.lasting and outcome.folder is not None:
                hopeless.add(outcome.folder)
            elif outcome.failure is not None:
                failed = True
    except HubverError as error:
        _say("failure", _text(error))
        failed = True
    return failed


def _plain(outcome: Outcome) -> dict[str, Any]:
    failure = None if outcome.failure is None else _text(outcome.failure)
    return {**vars(outcome), "failure": failure}


def _text(error: HubverError) -> str:
    return redact(f"{error} {error.hint or ''}".strip())


def _say(name: str, value: Any) -> None:
    # Whoever listened may have been killed; the work goes on. Nothing is buffered, so nothing is left to fail at exit.
    with suppress(OSError):
        os.write(sys.stdout.fileno(), (json.dumps({name: value}) + "\n").encode())
