"""The environment part: what a process can say of the machine it runs on without importing torch.

What only torch knows (accelerator, driver, threads) is added by `hubver.record.live`, which runs inside the training.
"""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.record.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator


def here() -> Environment:
    """The environment of this process."""
    return Environment(
        os=platform.platform(),
        machine=platform.machine(),
        python=platform.python_version(),
        packages=_packages(),
        cpu_count=os.cpu_count(),
        container=_container(),
    )


def _packages() -> dict[str, str]:
    """Every installed distribution, by its name in lower case. The first on the path is the one that is imported."""
    packages: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            packages.setdefault(name.lower().replace("_", "-"), distribution.version)
    return dict(sorted(packages.items()))


def _container() -> str | None:
    """`docker` and `podman` leave these marks; the image's digest cannot be seen from inside."""
    if Path("/.dockerenv").exists():
        return "docker"
    return "podman" if Path("/run/.containerenv").exists() else None


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
