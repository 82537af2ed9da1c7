"""Concurrency groups: who runs, who waits, and whom a newcomer turns out.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency: one
runs, one is pending, and a newcomer cancels the pending one; with `queue: max` up to a hundred wait in their order.
"""

from __future__ import annotations

import threading

_LONGEST_QUEUE = 100


def group_of(concurrency):
    """The name of the group in what is written, which may be the name alone; in one case."""
    return (concurrency if isinstance(concurrency, str) else concurrency["group"]).lower()


class Ticket:
    """A run's or a job's place in a group; `cancel` is called where it is turned out."""

    def __init__(self, name, cancel):
        self.name = name
        self.turn = threading.Event()
        self.cancelled = False
        self._cancel = cancel

    def turn_out(self, reason):
        self.cancelled = True
        self._cancel(reason)
        self.turn.set()


class Groups:
    """The groups of one repository; their names know no case."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = {}
        self._waiting = {}

    def enter(self, group, ticket, *, cancel_in_progress=False, queue="single"):
        """Take a place in a group; `ticket.turn` is set once it may run, or once it is turned out."""
        key = group.lower()
        with self._lock:
            waiting = self._waiting.setdefault(key, [])
            running = self._running.get(key)
            if running is None:
                self._running[key] = ticket
                ticket.turn.set()
                return
            turned_out = [running] if cancel_in_progress else []
            if queue != "max" or len(waiting) >= _LONGEST_QUEUE:
                turned_out += waiting
                waiting.clear()
            waiting.append(ticket)
        for other in turned_out:
            other.turn_out(f"Canceling since a higher priority waiting request for {group} exists")

    def leave(self, group, ticket):
        """Give the place back, so that the next one runs."""
        key = group.lower()
        with self._lock:
            if ticket in self._waiting.get(key, []):
                self._waiting[key].remove(ticket)
            if self._running.get(key) is ticket:
                waiting = self._waiting[key]
                self._running[key] = waiting.pop(0) if waiting else None
                if self._running[key]:
                    self._running[key].turn.set()

    def waiting(self, group):
        """The names of those that wait, in their order."""
        with self._lock:
            return [ticket.name for ticket in self._waiting.get(group.lower(), [])]
