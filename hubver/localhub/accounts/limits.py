"""How many commits a repo takes in an hour, and how often a webhook is triggered in a day."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from hubver.localhub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable

_HOUR = 3600


_DAY = 24 * _HOUR


class Triggers:
    """Counts how often each webhook of this process was triggered; what goes beyond the limit in 24 hours is dropped.

    Args:
        most: triggers of one webhook in any 24 hours; None for any number.
        clock: seconds since 1970.
    """

    def __init__(self, most: int | None, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def count(self, webhook: str) -> bool:
        """Count a trigger, and say whether it is within the limit; it is not counted if not."""
        if self._most is None:
            return True
        with self._lock:
            times, moment = self._times[webhook], self._clock()
            while times and times[0] <= moment - _DAY:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(moment)
            return True


class CommitRate:
    """Counts the commits of each repo in this process.

    Args:
        most: commits in an hour that a repo takes; None for any number.
        clock: seconds that only go up.
    """

    def __init__(self, most: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def count(self, repo: str) -> None:
        """Count a commit.

        Raises:
            HubError: 429 if it is one too many; it is not counted then.
        """
        if self._most is None:
            return
        with self._lock:
            times, moment = self._times[repo], self._clock()
            while times and times[0] <= moment - _HOUR:
                times.popleft()
            if len(times) >= self._most:
                wait = int(times[0] + _HOUR - moment) + 1 if times else _HOUR
                raise HubError(
                    429,
                    f"You have exceeded the rate limit for repository commits ({self._most} per hour). "
                    f"You can retry this action in about {wait} seconds.",
                    headers={
                        "RateLimit": f'"commits";r=0;t={wait}',
                        "RateLimit-Policy": f'"fixed window";"commits";q={self._most};w={_HOUR}',
                    },
                )
            times.append(moment)
