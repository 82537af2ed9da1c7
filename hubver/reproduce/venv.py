"""A fresh virtual environment with the versions that a run had."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hubver.errors import HarnessFailed, NotFound
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.record.schema import Environment

# The environment brings its own, and hubver is linked into it: the one that runs here, as it must know what it does.
_NOT_INSTALLED = frozenset({"pip", "hubver"})
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][\w.!+-]*")
_SOURCE = re.compile(r"git\+(?:https|ssh)://[^\s]+@[0-9a-f]{40}")
_UNAVAILABLE = re.compile(r"No matching distribution found for (?P<name>[\w.-]+)==")


@dataclass(frozen=True)
class Made:
    """The environment's interpreter, and the packages that no index had, with their versions."""

    interpreter: Path
    unavailable: tuple[str, ...]


def make(recorded: Environment, folder: Path, tell: Callable[[str], None]) -> Made:
    """Make the environment.

    Nothing is resolved: the record names every package, so each is installed as it says, without what it asks for.

    Args:
        recorded: with the versions, and the Python that they are for.
        folder: does not exist yet.
        tell: told each step.

    Raises:
        NotFound: that Python is not installed here.
        HarnessFailed: pip failed.
    """
    python = _python(recorded.python)
    wanted = requirements(recorded)
    tell(f"making a virtual environment with {len(wanted)} packages")
    # The pip that is here installs into it as well, and making one of its own takes most of the time.
    own_pip = find_spec("pip") is None
    _call([python, "-m", "venv", *([] if own_pip else ["--without-pip"]), str(folder)])
    interpreter = folder / "bin" / "python"
    pip = [str(interpreter), "-m", "pip"] if own_pip else [sys.executable, "-m", "pip", "--python", str(interpreter)]
    unavailable: list[str] = []
    while wanted:
        done = _install(pip, list(wanted.values()))
        if done.returncode == 0:
            break
        missing = _UNAVAILABLE.search(done.stdout)
        name = _normal(missing["name"]) if missing else None
        if name not in wanted:
            raise HarnessFailed("The recorded packages cannot be installed.", found=_last(done.stdout))
        tell(f"no index has {wanted[name]}")
        unavailable.append(wanted.pop(name))
    return Made(interpreter, tuple(unavailable))


def requirements(recorded: Environment) -> dict[str, str]:
    """What pip is asked for, by name: a version, or the commit that a package was built from."""
    found = {}
    for name, version in recorded.packages.items():
        source = recorded.sources.get(name, "")
        if name in _NOT_INSTALLED or not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            continue
        found[_normal(name)] = f"{name} @ {source}" if _SOURCE.fullmatch(source) else f"{name}=={version}"
    return found


def _normal(name: str) -> str:
    """A name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _python(version: str | None) -> str:
    minor = ".".join((version or "").split(".")[:2])
    if not minor or minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None:
        raise NotFound(
            f"The run had Python {version}, which is not installed here.",
            expected=f"python{minor}",
            hint=f"Install it, or leave --venv out to run with Python {sys.version_info.major}.{sys.version_info.minor}.",
        )
    return found


def _install(pip: list[str], wanted: list[str]) -> subprocess.CompletedProcess[str]:
    options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run(
        [*pip, "install", *options, *wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessFailed("The virtual environment could not be made.", found=_last(done.stdout + done.stderr))


def _last(output: str) -> str:
    lines = output.strip().splitlines()
    return redact(lines[-1])[:200] if lines else "no word of why"
