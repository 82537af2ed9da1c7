"""How many commits a repo takes in an hour."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from hubver.localhub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable

_HOUR = 3600


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
