"""The environment part: what a process can say of where it runs without importing torch.

What only torch knows (accelerator, threads) is added by `hubver.record.place.accelerator`, which runs inside the training.
"""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubver.record.place import machine, packages, variables
from hubver.record.schema import Environment
from hubver.record.secrets import Known, redact

if TYPE_CHECKING:
    from collections.abc import Iterator


def here() -> Environment:
    """The environment of this process."""
    installed = packages.installed()
    image = machine.container(os.environ)
    return Environment(
        os=platform.platform(),
        machine=platform.machine(),
        python=platform.python_version(),
        packages=installed.versions,
        sources=installed.sources,
        cpu=machine.cpu(),
        cpu_count=os.cpu_count(),
        memory_bytes=machine.memory(),
        container=redact(image) if image else None,
        variables=variables.deciding(os.environ),
    )


def secrets() -> Known:
    """The values of this process's variables whose names say that they are secret."""
    return Known.of(os.environ)


def notebook() -> str | None:
    """The file of the notebook that runs here: Jupyter names it to its kernels (jupyter_server, `JPY_SESSION_NAME`)."""
    return os.environ.get("JPY_SESSION_NAME")


def launcher() -> str:
    """What started this process: `deepspeed`, `accelerate`, `torchelastic`, `mpi`, `slurm` or plain `python`.

    By the variables that each sets for its processes: DeepSpeed's launcher (`launch.py`), accelerate
    (`prepare_simple_launcher_cmd_env`), torchrun (`TORCHELASTIC_RUN_ID`), Open MPI and MPICH, Slurm's `srun`.
    """
    marks = {
        "deepspeed": ("CROSS_SIZE",),
        # Of all that it sets, this one is never set by `TrainingArguments` or `Accelerator` themselves.
        "accelerate": ("ACCELERATE_DYNAMO_USE_FULLGRAPH",),
        "torchelastic": ("TORCHELASTIC_RUN_ID",),
        "mpi": ("OMPI_COMM_WORLD_RANK", "PMI_RANK"),
        "slurm": ("SLURM_STEP_ID",),
    }
    found = (name for name, theirs in marks.items() if any(variable in os.environ for variable in theirs))
    return next(found, "python")


def deepspeed() -> bool:
    """Whether this process runs under DeepSpeed, as accelerate and transformers tell it."""
    return os.environ.get("ACCELERATE_USE_DEEPSPEED", "").lower() in {"1", "true", "yes", "on", "y", "t"}


@contextmanager
def restored() -> Iterator[None]:
    """Undo afterwards whatever is set or removed inside."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})
