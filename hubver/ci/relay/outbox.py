"""Work that has been taken on, done in the background one after another, and again where it failed for now."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 600.0


@dataclass(order=True)
class _Waiting(Generic[_T]):
    due: float
    order: int
    work: _T = field(compare=False)
    tried: int = field(compare=False, default=0)


class Outbox(Generic[_T]):
    """A thread that does what is put here, in order.

    What fails waits a second, then twice as long each time, ten minutes at most, while others go on.

    Args:
        do: does it; answers whether it is settled, one way or the other. Called from one thread, never twice at once.
        give_up: told of what was tried too often, or was left when `finish` lost its patience.
        tries: how often one thing is tried.
        most: how much may wait.
    """

    def __init__(self, do: Callable[[_T], bool], give_up: Callable[[_T], None], *, tries: int, most: int) -> None:
        self._do = do
        self._give_up = give_up
        self._tries = tries
        self._most = most
        self._order = itertools.count()
        self._waiting: list[_Waiting[_T]] = []
        self._changed = threading.Condition()
        self._deadline: float | None = None
        # A daemon: `finish` says how long the end may take, whatever an exchange that never answers does.
        self._thread = threading.Thread(target=self._run, name="relay-outbox", daemon=True)
        self._thread.start()

    def put(self, work: _T) -> bool:
        """Take something on; False where too much waits, or the end has begun."""
        with self._changed:
            if self._deadline is not None or len(self._waiting) >= self._most:
                return False
            self._push(_Waiting(time.monotonic(), next(self._order), work))
            return True

    @property
    def waiting(self) -> int:
        """How much waits, for its turn or for another try."""
        return len(self._waiting)

    def finish(self, patience_s: float) -> None:
        """Take nothing on any more, and do what is left: as often as there is time for, and all of it once at least.

        Args:
            patience_s: after how many seconds what is left is given up.
        """
        with self._changed:
            self._deadline = time.monotonic() + patience_s
            self._changed.notify()
        self._thread.join(patience_s)
        with self._changed:
            left, self._waiting = self._waiting, []
        for item in left:
            self._give_up(item.work)

    def _run(self) -> None:
        while (item := self._next()) is not None:
            settled = self._do(item.work)
            item.tried += 1
            if settled:
                continue
            item.due = time.monotonic() + min(_FIRST_WAIT_S * 2 ** (item.tried - 1), _LONGEST_WAIT_S)
            with self._changed:
                late = self._deadline is not None and item.due >= self._deadline
                if item.tried < self._tries and not late:
                    self._push(item)
                    continue
            self._give_up(item.work)

    def _next(self) -> _Waiting[_T] | None:
        """Wait for the next that is due; None at the end."""
        with self._changed:
            while True:
                if not self._waiting and self._deadline is not None:
                    return None
                wait = self._waiting[0].due - time.monotonic() if self._waiting else None
                if wait is not None and (wait <= 0 or self._is_last_chance()):
                    return heapq.heappop(self._waiting)
                self._changed.wait(wait)

    def _is_last_chance(self) -> bool:
        """Whether what comes next would be due only after the end: then it is tried now."""
        return self._deadline is not None and self._waiting[0].due >= self._deadline

    def _push(self, item: _Waiting[_T]) -> None:
        heapq.heappush(self._waiting, item)
        self._changed.notify()
