"""What the user can still do for a fuller record: found by looking around the folder that is published."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.record.draft import DIFF_FILE, RUN_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubver.record.schema import Base


def hints_for(folder: Path, *, left: bool, base: Base, config: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Sentences for the user.

    Args:
        folder: what is published.
        left: whether a run's record was found for it.
        base: the base as it is published.
        config: the adapter's configuration as it was saved; None for a whole model.
    """
    hints = () if left else _of_records(folder)
    if base.id is None and config is not None:
        hints = (*hints, _of_base(config.get("base_model_name_or_path"), watched=left))
    return hints


def _of_base(saved: Any, *, watched: bool) -> str:
    """An adapter without its base's name is of no use to whoever takes it from the Hub."""
    known = "was a local folder" if isinstance(saved, str) and saved else "is not named in adapter_config.json"
    where = "when you train: HubverCallback(base_model='org/name')" if watched else "with: --base org/name"
    return f"The base model {known}, so applications cannot find it. Say which one it is {where}."


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
