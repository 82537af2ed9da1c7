"""Says, as one line of JSON, in which environment an interpreter would train.

Run as text by that interpreter, which need not have hubver: it imports the standard library, and torch if it is there.
Its words are those of the record's environment.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import suppress
from importlib import metadata


def _packages() -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-"), distribution.version)
    return found


def _torch() -> dict[str, object]:
    import torch

    found: dict[str, object] = {
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda,
    }
    if torch.cuda.is_available():
        found |= {"accelerator": torch.cuda.get_device_name(), "accelerator_count": torch.cuda.device_count()}
    return found


def _main() -> None:
    found: dict[str, object] = {
        "os": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": _packages(),
        "cpu_count": os.cpu_count(),
    }
    with suppress(ImportError):
        found |= _torch()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main()
