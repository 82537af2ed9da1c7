"""Repositories with a history, copied on the embedded Hub's disk: a folder is all there is of one."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def copied(root: Path, template: str, repo_id: str) -> None:
    """Copy a model repository of a running Hub.

    Args:
        root: the Hub's folder.
        template: the repository that is there.
        repo_id: the one to be.
    """
    here = root / "models"
    shutil.copytree(here / template, here / repo_id)
    description = here / repo_id / "repo.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"id": repo_id}))
