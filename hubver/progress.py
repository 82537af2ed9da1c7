"""How far a long piece of work is, in words: at most a line every two seconds, and none for what is over sooner."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_S = 2.0


class Meter:
    """Turns counts of bytes into lines such as `hashed 1.2 of 4.0 GB (1.3 GB/s)`.

    Args:
        tell: gets each line.
        done: what is being done, as a participle: `hashed`.
        clock: seconds, never going back.
    """

    def __init__(self, tell: Callable[[str], None], done: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._done, self._clock = tell, done, clock
        self._began = self._last = clock()

    def __call__(self, count: int, total: int | None) -> None:
        """Say that `count` bytes of `total`, where that is known, are done, if it is time to say something."""
        now = self._clock()
        if now - self._last >= _EVERY_S:
            self._last = now
            rate = count / (now - self._began)
            so_far = size(count) if total is None else f"{count / 1e9:.1f} of {total / 1e9:.1f} GB"
            self._tell(f"{self._done} {so_far} ({size(rate)}/s)")


def size(count: float) -> str:
    """A number of bytes for people: `12.3 MB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
