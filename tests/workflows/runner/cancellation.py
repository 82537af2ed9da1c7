"""Telling what runs to stop: a run tells its jobs, a matrix its legs."""

from __future__ import annotations

import threading
from contextlib import contextmanager


class Cancellation:
    """Can be cancelled once, by itself or with what it is part of."""

    def __init__(self, parent=None):
        self.reason = None
        self._lock = threading.Lock()
        self._callbacks = []
        if parent is not None:
            parent._join(self.cancel)

    @property
    def cancelled(self):
        return self.reason is not None

    def cancel(self, reason):
        with self._lock:
            if self.reason is not None:
                return
            self.reason = reason
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(reason)

    @contextmanager
    def calling(self, callback):
        """Have `callback(reason)` called where it is cancelled within the block; what was cancelled before does not count."""
        with self._lock:
            self._callbacks.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)

    def _join(self, callback):
        with self._lock:
            self._callbacks.append(callback)
            reason = self.reason
        if reason is not None:
            callback(reason)
