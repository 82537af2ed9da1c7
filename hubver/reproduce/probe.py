"""Says, as one line of JSON, in which environment an interpreter would train.

Run as text by that interpreter, which need not have hubver: it imports the standard library, and torch if it is there.
Its words are those of the record's environment.
"""

from __future__ import annotations

import json
import os
import platform
import re
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

    accelerator = torch.accelerator.current_accelerator()
    found: dict[str, object] = {
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda or (f"rocm {torch.version.hip}" if torch.version.hip else None),
        "blas": _blas(torch.__config__.show()),
        "accelerator": "cpu",
    }
    if accelerator is not None:
        module = getattr(torch, accelerator.type)
        named = getattr(module, "get_device_name", None)
        found |= {
            "accelerator": named() if named else accelerator.type,
            "accelerator_count": torch.accelerator.device_count(),
        }
    return found


def _blas(configuration: str) -> str | None:
    found = re.search(r"\bBLAS_INFO=([\w-]+)", configuration)
    names = [f"torch: {found[1]}"] if found else []
    with suppress(ImportError, TypeError, KeyError):
        import numpy as np

        library = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        names.append(f"numpy: {library['name']} {library['version']}")
    return ", ".join(names) or None


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
