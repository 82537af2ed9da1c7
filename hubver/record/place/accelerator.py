"""What torch knows of the machine: the accelerator and its driver, threads, vector units, the algebra library."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubver.record.place import environment, machine

if TYPE_CHECKING:
    from hubver.record.schema import Environment

_BLAS = re.compile(r"\bBLAS_INFO=(?P<name>[\w-]+)")


def environment_of(args: Any) -> Environment:
    """The environment with what torch knows of it.

    Args:
        args: the trainer's arguments, for the device and the number of processes.
    """
    import torch

    kind = str(args.device.type)
    found: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "launcher": environment.launcher(),
        "world_size": args.world_size,
        "cuda": torch.version.cuda or (f"rocm {torch.version.hip}" if torch.version.hip else None),
        "accelerator": kind,
        "blas": blas(),
    }
    if kind != "cpu":
        # cuda (ROCm too), xpu, npu and mps share these names as far as they have them.
        module: Any = getattr(torch, kind, None)
        named = getattr(module, "get_device_name", None)
        count = getattr(module, "device_count", None)
        found |= {
            "accelerator": named(args.device) if named else kind,
            "accelerator_count": count() if count else None,
            "driver": machine.nvidia_driver(),
        }
    return environment.here().model_copy(update=found)


def blas() -> str | None:
    """The libraries that multiply matrices, such as `torch: mkl, numpy: scipy-openblas 0.3.33`."""
    import torch

    found = _BLAS.search(torch.__config__.show())
    names = [f"torch: {found['name']}"] if found else []
    try:
        import numpy as np

        library = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        names.append(f"numpy: {library['name']} {library['version']}")
    except (ImportError, TypeError, KeyError):
        pass
    return ", ".join(names) or None


def devices(args: Any) -> int:
    """How many accelerators the run used: those of each process (more than one under `DataParallel`) times processes."""
    return max(int(getattr(args, "n_gpu", 1)), 1) * int(args.world_size)


def peak_memory(args: Any) -> int | None:
    """Bytes that this process had allocated on its accelerators at the peak; None where nobody counts."""
    import torch

    module: Any = getattr(torch, str(args.device.type), None)
    peak, count = getattr(module, "max_memory_allocated", None), getattr(module, "device_count", None)
    if peak is None or count is None:
        return None
    return sum(int(peak(number)) for number in range(count()))
