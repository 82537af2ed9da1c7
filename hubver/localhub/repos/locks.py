"""The lock on one repo, under which it is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class RepoLock:
    """A lock that can be had only while the repo is there: it may be moved or deleted while a request waits.

    Args:
        lock: shared by all requests to the repo; whoever has it may take it again.
        check: called with the lock held; raises what the request is answered if the repo is gone.
    """

    def __init__(self, lock: threading.RLock, check: Callable[[], None]) -> None:
        self._lock = lock
        self._check = check

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take the lock, and say whether that worked; without `blocking` it does not wait.

        Raises:
            HubError: the repo is gone.
        """
        if not self._lock.acquire(blocking=blocking):
            return False
        try:
            self._check()
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
