"""The environment part: what a process can say of the machine it runs on without importing torch.

What only torch knows (accelerator, driver, threads) is added by `hubver.record.live`, which runs inside the training.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from hubver.record.schema import Environment


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
