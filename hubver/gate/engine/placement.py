"""Where and how models run: device, precision, threads; and what of that their answers may depend on."""

from __future__ import annotations

import contextlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Raised whenever the same request may get another answer from the same model on the same machine.
ANSWERS_VERSION = 3
_LIBRARIES = ("torch", "transformers", "tokenizers", "peft")
# Below this many parameters the threads of one step wait for each other longer than they work: measured on two busy
# cores, a model of half a million answered 8 to 20 times faster on one thread, and with the same texts.
_PARAMETERS_WORTH_THREADS = 20_000_000


def device() -> str:
    """The device that models run on. The GPU's road is written and was not run yet."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def precision() -> Any:
    """The torch type that models are loaded in: float32 on a CPU, so that batches change no decision."""
    import torch

    return torch.bfloat16 if device() == "cuda" else torch.float32


def threads_for(network: Any) -> int:
    """How many threads a model runs on: it depends on the model and the machine, never on what else was loaded."""
    import torch

    return 1 if network.num_parameters() < _PARAMETERS_WORTH_THREADS else int(torch.get_num_threads())


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Run on so many threads, and then on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def described() -> dict[str, str | int | bool]:
    """What answers depend on besides the model: see `Engine.key`. Loads torch, and no model."""
    import torch

    where = device()
    return {
        "engine": f"hubver/{ANSWERS_VERSION}",
        "device": torch.cuda.get_device_name() if where == "cuda" else "cpu",
        "dtype": str(precision()).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "tf32": where == "cuda" and torch.get_float32_matmul_precision() != "highest",
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
