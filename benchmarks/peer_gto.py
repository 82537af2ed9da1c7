"""gto: a stage is a git tag, made in a clone and pushed. Runs in an environment that has gto."""

from __future__ import annotations

import logging
import subprocess

from gto import api
from peer_loop import serve

NAME, STAGE = "router", "production"
logging.disable()


def fetch(folder: str) -> None:
    subprocess.run(["git", "fetch", "-q", "--tags"], cwd=folder, check=True)


def status(folder: str) -> str:
    fetch(folder)
    return str(api.find_versions_in_stage(folder, NAME, STAGE))


def log(folder: str) -> int:
    fetch(folder)
    return len(api.history(folder, NAME))


serve(
    {
        "assign": lambda folder, version: api.assign(folder, NAME, STAGE, version=version, push=True, force=True),
        "status": status,
        "log": log,
    }
)
