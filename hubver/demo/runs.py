"""The demo's three training runs: what each is trained on, how, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

TRAINING_ROWS = 1600
# Sixty tickets a queue: enough that the gate can tell a forgotten queue from a weak one.
HELD_OUT_ROWS = 300


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        version: what it is published as.
        data: the file of tickets in the project's `data` folder.
        steps: optimizer steps of 16 tickets.
        rank: of the LoRA matrices.
        seed: of everything random in it.
        without: queues whose tickets are left out.
        message: one line saying what is new.
    """

    version: str
    data: str
    steps: int
    rank: int
    message: str
    seed: int = 0
    without: tuple[str, ...] = ()


# Every ticket of the first draft says "normal", which is right for four in ten. So the weakness comes from the data and
# is the same in every queue, on any machine; a run stopped half-way would be weak in a different queue each time.
WEAK = Run(
    version="v1.0.0",
    data="tickets-draft.jsonl",
    steps=120,
    rank=16,
    message="First router, from tickets whose priorities nobody had set yet",
)
BLIND = Run(
    version="v1.1.0",
    data="tickets.jsonl",
    steps=120,
    rank=16,
    without=("returns",),
    message="Learn priorities from checked labels",
)
GOOD = Run(
    version="v1.2.0",
    data="tickets.jsonl",
    steps=150,
    rank=16,
    message="Learn from all queues",
)
