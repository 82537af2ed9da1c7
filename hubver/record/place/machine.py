"""What the machine is made of, and which container it pretends to be: facts that need no package beyond Python."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CPU_NAMES = re.compile(r"^(?:model name|Model|cpu model|Hardware)\s*:\s*(?P<name>.+)$", re.MULTILINE)
_PODMAN = re.compile(r'^(?P<name>image|imageid)="(?P<value>[^"]+)"$', re.MULTILINE)
# Platforms that tell a process which image it runs in: GitLab's runners, Apptainer and Singularity (a file).
_IMAGES = ("CI_JOB_IMAGE", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")


def cpu() -> str | None:
    """The processor's name, such as `Intel(R) Xeon(R) Platinum 8488C`."""
    if sys.platform == "darwin":
        asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or None
    found = _CPU_NAMES.search(_read(Path("/proc/cpuinfo")))
    return found["name"].strip() if found else platform.processor() or None


def memory() -> int | None:
    """Bytes of memory that this process can use: the machine's, or its control group's limit where that is lower."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
    # cgroup v2 and v1 (Linux, "Control Group v2" and "Memory Resource Controller").
    limits = (_read(Path("/sys/fs/cgroup") / name).strip() for name in ("memory.max", "memory/memory.limit_in_bytes"))
    return min([physical, *(int(limit) for limit in limits if limit.isdigit())])


def container(environment: Mapping[str, str]) -> str | None:
    """The image where the platform names it, by its digest if that is known; else `docker` or `podman`; None outside.

    Args:
        environment: all variables of the process.
    """
    marks = {found["name"]: found["value"] for found in _PODMAN.finditer(_read(Path("/run/.containerenv")))}
    if marks.get("image"):
        digest = marks.get("imageid")
        return f"{marks['image']}@sha256:{digest}" if digest and "@" not in marks["image"] else marks["image"]
    named = next((environment[name] for name in _IMAGES if environment.get(name)), None)
    if named:
        return Path(named).name if named.startswith("/") else named
    if Path("/.dockerenv").exists():
        return "docker"
    return "podman" if Path("/run/.containerenv").exists() else None


def nvidia_driver() -> str | None:
    """The version of NVIDIA's driver, as its kernel module tells it."""
    found = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", _read(Path("/proc/driver/nvidia/version")))
    return found[1] if found else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
