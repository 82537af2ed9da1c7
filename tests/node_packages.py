"""npm packages for tests: what a lock file names, installed once a machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess

import pytest
from filelock import FileLock
from tools import REQUIRE

_COMMAND = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional", "--fetch-retries=1"]


def install(cache, source):
    """Install what the lock file in `source` names into a folder below `cache`, unless it is there; answer the folder.

    The scripts of `source` are laid beside the packages, because that is where node looks for them.
    """
    lock = (source / "package-lock.json").read_bytes()
    folder = cache / hashlib.sha256(lock).hexdigest()[:16]
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, folder)
            done = subprocess.run(_COMMAND, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode != 0:
                reason = f"npm cannot install the packages of {source.name}: {done.stderr[-300:]}"
                pytest.fail(reason) if os.environ.get(REQUIRE) else pytest.skip(reason)
            (folder / "done").touch()
        for script in source.glob("*.mjs"):
            shutil.copy(script, folder)
    return folder
