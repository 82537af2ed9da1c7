"""Find the model that a run has made: the folder that would have been published."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.record.draft import FINAL_FOLDER, RUN_FILE
from hubver.record.folder.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.record.schema import RunRecord

# What the run was given to work with, at the top of its folder.
_GIVEN = frozenset({"venv", "hf", "packages"})
_CHECKPOINT = "checkpoint-"


@dataclass(frozen=True)
class Output:
    """A folder with a model in it, and how likely it is the one: the larger, the likelier."""

    folder: Path
    rank: tuple[bool, bool, bool, float]


def find(root: Path, record: RunRecord, since: float) -> Path | None:
    """The folder that holds what was published, made anew; None where the run has left no model.

    A checkpoint is looked for where the record is of one. Among others, the folder that HubverCallback saved goes first,
    then one with a run's record beside it, then the newest.

    Args:
        root: where to look.
        record: of the published run.
        since: when the run began, in seconds since the epoch: older models came with the code.
    """
    step = record.training.checkpoint.step if record.training.checkpoint else None
    weights = {entry.path for entry in record.files if entry.path.endswith(".safetensors")}
    found = [
        Output(folder, _rank(folder, newest))
        for folder, newest in _models(root, adapter=ADAPTER_WEIGHTS in weights)
        if newest >= since and _is_wanted(folder, step)
    ]
    return max(found, key=lambda output: output.rank).folder if found else None


def _is_wanted(folder: Path, step: int | None) -> bool:
    if step is not None:
        return folder.name == f"{_CHECKPOINT}{step}"
    return not folder.name.startswith(_CHECKPOINT)


def _rank(folder: Path, newest: float) -> tuple[bool, bool, bool, float]:
    has_record = (folder / RUN_FILE).is_file()
    return folder.name == FINAL_FOLDER and has_record, has_record, (folder.parent / RUN_FILE).is_file(), newest


def _models(root: Path, *, adapter: bool) -> Iterator[tuple[Path, float]]:
    """Each folder with weights of the kind, and when they were written."""
    for name, folders, files in os.walk(root):
        folders[:] = [
            folder for folder in folders if folder != ".git" and not (Path(name) == root and folder in _GIVEN)
        ]
        weights = [file for file in files if file.endswith(".safetensors")]
        whole = ADAPTER_CONFIG in files if adapter else "config.json" in files and ADAPTER_CONFIG not in files
        if weights and whole:
            yield Path(name), max((Path(name) / file).stat().st_mtime for file in weights)
