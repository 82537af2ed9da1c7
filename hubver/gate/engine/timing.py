"""How long models take for the same requests, measured side by side."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Request
    from hubver.gate.engine.model import LoadedModel


@dataclass(frozen=True)
class Timing:
    """One request, put to one model once, alone in its batch.

    Attributes:
        seconds: from the request to its answer, on a clock that never goes back.
        generated: tokens made; 0 for a likelihood.
    """

    seconds: float
    generated: int


def time_requests(
    models: Sequence[LoadedModel], requests: Sequence[Request], *, repeats: int
) -> list[tuple[Timing, ...]]:
    """Time some models on the same requests, in turn, so that whatever else the machine does meets all of them.

    Each model answers every request once before the clock counts. Then for each request and repeat all models are asked
    one after another, and the other way round in every second repeat, so that none is always the one that comes after.

    Args:
        models: such as candidate and production.
        requests: are asked one at a time.
        repeats: how often each, at least 1.

    Returns:
        `len(requests) * repeats` pairs (one `Timing` for each model, in the order of `models`): all repeats of the first
        request, then all of the second.

    Raises:
        BadInput: there is nothing to time, or a request cannot be asked.
        HarnessFailed: a model broke.
    """
    if repeats < 1 or not requests or not models:
        raise BadInput("There is nothing to time.", expected="a model, a request and a repeat at least")
    for model in models:
        for request in requests:
            model.answer([request])
    measured = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        for request in requests:
            for repeat in range(repeats):
                order = range(len(models)) if repeat % 2 == 0 else reversed(range(len(models)))
                times = {at: _timed(models[at], request) for at in order}
                measured.append(tuple(times[at] for at in range(len(models))))
    finally:
        if collecting:
            gc.enable()
    return measured


def _timed(model: LoadedModel, request: Request) -> Timing:
    before = model.pace.generated
    began = time.perf_counter()
    model.answer([request])
    return Timing(time.perf_counter() - began, model.pace.generated - before)
