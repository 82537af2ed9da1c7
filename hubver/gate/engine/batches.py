"""How many rows go through a model at once: as many as fit into memory, found out by trying."""

from __future__ import annotations

import gc
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from hubver.errors import HarnessFailed
from hubver.gate.engine import placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# What PyTorch's allocators say, on a CPU in three ways: itself, oneDNN, and C++'s own.
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "could not create a memory",
    "bad_alloc",
)


class Row(Protocol):
    """One row of a batch."""

    @property
    def width(self) -> int:
        """How many tokens it takes, with what will be generated, and with its logits counted as tokens."""


RowT = TypeVar("RowT", bound=Row)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Budget:
    """What a batch may hold.

    Attributes:
        sequences: rows, at least 1.
        tokens: rows times the widest row's width.
    """

    sequences: int
    tokens: int

    @classmethod
    def initial(cls) -> Budget:
        """Where to start: small enough for a laptop and no slower on two cores; more on a GPU (not measured yet)."""
        return cls(256, 131_072) if placement.device() == "cuda" else cls(64, 16_384)


class Batches:
    """Puts rows through a model in batches, and in smaller ones after memory ran out.

    Args:
        name: the model's, for people.
        budget: to start with.
        tell: told when a batch did not fit.

    Attributes:
        budget: of the next batch; it only ever shrinks.
    """

    def __init__(self, name: str, budget: Budget, tell: Callable[[str], None]) -> None:
        self.budget = budget
        self._name = name
        self._tell = tell

    def run(self, rows: Iterable[RowT], work: Callable[[list[RowT]], list[Found]]) -> list[tuple[RowT, Found]]:
        """What came of every row.

        Args:
            rows: the widest first.
            work: from a batch to one result for each of its rows.

        Raises:
            HarnessFailed: even one row alone does not fit into memory.
        """
        queue = deque(rows)
        found: list[tuple[RowT, Found]] = []
        while queue:
            batch = [queue.popleft()]
            while queue and self._fits([*batch, queue[0]]):
                batch.append(queue.popleft())
            try:
                found += zip(batch, work(batch), strict=True)
                continue
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
            # Out of the handler, where the error holds on to every tensor of the batch no longer.
            _release()
            self._shrink(batch)
            queue.extendleft(reversed(batch))
        return found

    def _fits(self, rows: Sequence[Row]) -> bool:
        return len(rows) <= self.budget.sequences and _tokens(rows) <= self.budget.tokens

    def _shrink(self, batch: list[RowT]) -> None:
        half = len(batch) // 2
        if not half:
            raise HarnessFailed(
                f"{self._name} does not fit into memory, even with one request of {batch[0].width} tokens at a time.",
                hint="Shorten the prompts, lower max_new_tokens, or use a machine with more memory.",
            )
        self.budget = Budget(half, min(self.budget.tokens, _tokens(batch[:half])))
        self._tell(f"memory ran out with {len(batch)} requests at once; going on with {half}")


def _tokens(rows: Sequence[Row]) -> int:
    return len(rows) * max(row.width for row in rows)


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(said in text for said in _OUT_OF_MEMORY)


def _release() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
