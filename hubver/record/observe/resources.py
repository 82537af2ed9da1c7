"""What a run cost: time, memory, tokens, operations. Of the main process, where it says nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hubver.record.place import accelerator
from hubver.record.schema import Resources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def resources_of(args: Any, state: Any, log_history: Sequence[Mapping[str, Any]], wall_seconds: float) -> Resources:
    """What the run has cost so far.

    Args:
        args: the trainer's arguments.
        state: the trainer's state; its `total_flos` is an estimate: 6 x tokens x parameters, for most models.
        log_history: what was logged, oldest first. TRL logs `num_tokens`, over all processes.
        wall_seconds: since the run began, saving and evaluating included.
    """
    last: Mapping[str, Any] = next((row for row in reversed(log_history) if "train_runtime" in row), {})
    logged = max((int(row["num_tokens"]) for row in log_history if _is_number(row.get("num_tokens"))), default=0)
    tokens = int(state.num_input_tokens_seen or 0) or logged
    runtime = last.get("train_runtime") or wall_seconds
    accelerated = args.device.type != "cpu"
    return Resources(
        wall_seconds=round(wall_seconds, 3),
        peak_memory_bytes=peak_memory(),
        peak_accelerator_memory_bytes=accelerator.peak_memory(args) if accelerated else None,
        samples_per_second=last.get("train_samples_per_second"),
        tokens_per_second=round(tokens / runtime, 3) if tokens and runtime else None,
        accelerator_hours=round(wall_seconds * accelerator.devices(args) / 3600, 6) if accelerated else None,
        tokens=tokens or None,
        flops=float(state.total_flos) if state.total_flos else None,
    )


def peak_memory() -> int | None:
    """Bytes of memory that this process held at its peak."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kibibytes, macOS bytes (getrusage(2) of each).
    return peak if sys.platform == "darwin" else peak * 1024


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
