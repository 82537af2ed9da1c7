"""What the user can still do for a fuller record: found by looking around the folder that is published."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from hubver.record.draft import DIFF_FILE, RUN_FILE


def hints_for(folder: Path, *, left: bool) -> tuple[str, ...]:
    """Sentences for the user.

    Args:
        folder: what is published.
        left: whether a run's record was found for it.
    """
    return () if left else _of_records(folder)


def _of_records(folder: Path) -> tuple[str, ...]:
    """`save_model("my-model")` leaves the record behind in the trainer's output folder, often the parent or beside."""
    holders = _holders(folder.resolve())
    if not holders:
        return ()
    if len(holders) > 1:
        places = ", ".join(_as_typed(holder) for holder in holders)
        return (f"{folder} holds no {RUN_FILE}, but several folders near it do: {places}. Copy in that of its run.",)
    files = [holders[0] / RUN_FILE, holders[0] / DIFF_FILE]
    command = shlex.join(["cp", *(_as_typed(file) for file in files if file.is_file()), _as_typed(folder.resolve())])
    record = _as_typed(files[0])
    return (f"{folder} holds no {RUN_FILE}. If {record} is of this model, publish it with that record: {command}",)


def _holders(folder: Path) -> list[Path]:
    """The parent and the folders beside, one level, where they hold a record."""
    parent = folder.parent
    try:
        beside = sorted(parent.iterdir())
    except OSError:
        beside = []
    return [place for place in (parent, *beside) if place != folder and _is_file(place / RUN_FILE)]


def _is_file(path: Path) -> bool:
    """Of strangers' folders too, which this user may not enter."""
    try:
        return path.is_file()
    except OSError:
        return False


def _as_typed(path: Path) -> str:
    """Relative to where the user is, if it lies below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
