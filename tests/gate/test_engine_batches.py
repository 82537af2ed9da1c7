from __future__ import annotations

from dataclasses import dataclass

import pytest

from hubver.errors import HarnessFailed
from hubver.gate.engine.batches import Batches, Budget


@dataclass(frozen=True)
class Row:
    name: str
    width: int


def rows(count, width, start=0):
    return [Row(f"{width}-{number}", width) for number in range(start, start + count)]


class Work:
    """Work that needs as much memory as its batch has tokens, and has some."""

    def __init__(self, memory, error):
        self.batches = []
        self._memory = memory
        self._error = error

    def __call__(self, batch):
        self.batches.append(len(batch))
        if len(batch) * max(row.width for row in batch) > self._memory:
            raise self._error
        return [row.name.upper() for row in batch]


@pytest.mark.parametrize(
    ("budget", "asked", "batches"),
    [
        (Budget(4, 1000), rows(9, 10), [4, 4, 1]),
        (Budget(100, 50), rows(9, 10), [5, 4]),
        (Budget(4, 5), rows(2, 10), [1, 1]),
        (Budget(4, 100), [*rows(2, 40), *rows(3, 20)], [2, 3]),
        (Budget(4, 100), [], []),
    ],
)
def test_a_batch_holds_what_the_budget_allows(budget, asked, batches):
    work = Work(10**6, None)
    found = Batches("candidate", budget, print).run(asked, work)
    assert found == [(row, row.name.upper()) for row in asked]
    assert work.batches == batches


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("could not create a memory object"),
        RuntimeError("std::bad_alloc"),
        MemoryError(),
    ],
)
def test_after_memory_ran_out_batches_are_smaller_for_good(error):
    told, work = [], Work(25, error)
    batches = Batches("candidate", Budget(8, 1000), told.append)
    asked = rows(16, 10)
    assert batches.run(asked, work) == [(row, row.name.upper()) for row in asked]
    assert work.batches == [8, 4, *[2] * 8]
    assert batches.budget.sequences == 2
    assert told[0] == "memory ran out with 8 requests at once; going on with 4"


def test_memory_too_small_for_one_row_is_named():
    with pytest.raises(HarnessFailed, match="candidate does not fit into memory"):
        Batches("candidate", Budget(8, 1000), print).run(rows(3, 10), Work(9, MemoryError()))


def test_another_error_stays_what_it_is():
    with pytest.raises(RuntimeError, match="shapes"):
        Batches("candidate", Budget(8, 1000), print).run(rows(3, 10), Work(9, RuntimeError("shapes do not match")))
