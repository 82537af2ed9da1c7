"""The ledger as a lock saw it: does today's still hold what was its head then?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.hub import ledger
from hubver.locking.rules import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.events import State


@dataclass(frozen=True)
class Witnessed:
    """What the ledger says now.

    Attributes:
        head: its newest commit; None where there is no ledger.
        state: the release state after its newest event.
        fault: that it no longer holds what it held, if so.
    """

    head: str | None
    state: State
    fault: Fault | None


def look(hub: Hub, repo_id: str, refs: Refs, seen: str | None) -> Witnessed:
    """Read the ledger, and look in it for a commit that was its head before.

    One request where that is among the newest twenty events, two among the newest two hundred, and twelve at most.

    Args:
        seen: the earlier head; None to look for none.

    Raises:
        BadDocument: the newest event cannot be read.
    """
    read: list[ledger.Entry] = []
    entries = _kept(ledger.search(hub, repo_id, refs), read)
    state = ledger.newest_state(entries)
    # What was read on the way to the newest event counts too: strangers may have written there since.
    there = any(entry.sha == seen for entry in read) or any(entry.sha == seen for entry in entries)
    head = read[0].sha if read else None
    if seen is None or there:
        return Witnessed(head, state, None)
    found = f"a ledger without it, at {head[:8]}" if head else "no ledger"
    return Witnessed(head, state, Fault("ledger", "it was rewritten", f"its commit {seen[:8]}", found))


def _kept(entries: Iterator[ledger.Entry], read: list[ledger.Entry]) -> Iterator[ledger.Entry]:
    """The same entries, each kept when it is read."""
    for entry in entries:
        read.append(entry)
        yield entry
