"""The ledger by index, as far as somebody looks: what lies thousands of events back is found in a few requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.hub import ledger
from hubver.hub.transport.moves import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.ledger import Entry

PAGE = 100
# How much further each look goes, while the end of what is searched is not known.
_FURTHER = 4


class Pages:
    """A ledger as it was at one moment, read by pages of a hundred entries, each at most once.

    Args:
        read: gives a page by its number, 0 the newest, and whether the ledger begins on it or after it.
    """

    def __init__(self, read: Callable[[int], tuple[list[Entry], bool]]) -> None:
        self._read = read
        self._known: dict[int, list[Entry]] = {}
        self._count: int | None = None

    @classmethod
    def of(cls, hub: Hub, repo_id: str, refs: Refs) -> Pages:
        """The ledger that the refs name."""
        head = refs.branches.get(LEDGER)

        def read(number: int) -> tuple[list[Entry], bool]:
            return ledger.read_page(hub, repo_id, head, number, page=PAGE) if head is not None else ([], True)

        return cls(read)

    def entry(self, index: int) -> Entry | None:
        """An entry: 0 is the newest; None behind the oldest."""
        number, offset = divmod(index, PAGE)
        if self._count is not None and number >= self._count:
            return None
        if number not in self._known:
            self._known[number], is_last = self._read(number)
            if is_last:
                self._count = number + 1
        page = self._known[number]
        return page[offset] if offset < len(page) else None

    def at_or_before(self, index: int) -> int | None:
        """The index of the newest entry from there on that holds an event; None if there is none."""
        while (entry := self.entry(index)) is not None:
            if entry.event is not None:
                return index
            index += 1
        return None


def first(holds: Callable[[int], bool], low: int = 0, high: int | None = None) -> int:
    """The first index from `low` on for which something holds, that then holds for all that follow.

    The number of looks grows with the logarithm of how far it is.

    Args:
        high: an index for which it holds; None if none is known. There must be one.
    """
    if high is None:
        high, step = low, PAGE
        while not holds(high):
            low, high, step = high + 1, high + step, step * _FURTHER
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
