"""Reading what a record needs while training goes on: gigabytes of weights must not hold up the first step."""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubver.record.draft import Draft
    from hubver.record.observe.watch import Begun


class Reader:
    """Reads for one run in a thread that ends with the process.

    Args:
        begun: the run.
        forks: whether training will fork this process (`dataloader_num_workers`). Data is then read at once: a process
            that is forked while another thread is inside Arrow may find its locks taken for ever.
    """

    def __init__(self, begun: Begun, *, forks: bool) -> None:
        self._lock = Lock()
        self._begun = begun.with_data() if forks else begun
        self._thread = Thread(target=self._read, args=(not forks,), name="hubver-reader", daemon=True)
        self._thread.start()

    def now(self) -> Draft:
        """The record with what has been read so far; the rest is gaps in it."""
        with self._lock:
            return self._begun.draft

    def whole(self) -> Draft:
        """The record with everything in it, once that is read."""
        self._thread.join()
        return self.now()

    def _read(self, data: bool) -> None:  # noqa: FBT001  # given by `Thread`
        if data:
            self._keep(self._begun.with_data())
        self._keep(self._begun.with_base())

    def _keep(self, begun: Begun) -> None:
        with self._lock:
            self._begun = begun
