"""What a relay remembers: what it has dispatched, and how much of late. Both are bounded."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

_T = TypeVar("_T", bound="Hashable")


class Seen(Generic[_T]):
    """The newest of what was added; the oldest is forgotten first. Several threads may use it.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._known: dict[_T, None] = {}

    def __contains__(self, one: object) -> bool:
        return one in self._known

    def add(self, one: _T) -> None:
        """Remember one, as the newest."""
        with self._lock:
            self._known.pop(one, None)
            self._known[one] = None
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]

    def discard(self, one: _T) -> None:
        """Forget one, if it is known."""
        with self._lock:
            self._known.pop(one, None)


class Pace:
    """Lets so many through in any minute.

    Args:
        per_minute: how many.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._taken: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Whether one more may go, and if so, count it.

        Args:
            now: seconds on a clock that never goes back.
        """
        while self._taken and now - self._taken[0] >= 60:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True
