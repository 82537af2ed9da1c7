"""The draft that a training run leaves in its output folder, for `hubver push` to find."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadDocument
from hubver.record.digest import sha256
from hubver.record.folder import trainer_state
from hubver.record.place import environment
from hubver.record.schema import Gap, RunRecord
from hubver.record.scrub import scrub

if TYPE_CHECKING:
    from pathlib import Path

RUN_FILE = "hubver-run.json"
DIFF_FILE = "hubver-run.diff"
# Where HubverCallback saves the model for publishing: the user's own save_model() comes only after on_train_end.
FINAL_FOLDER = "hubver-final"

_LARGEST = 16 << 20


@dataclass(frozen=True)
class Draft:
    """A draft record, and the run's difference to its commit if the code was dirty."""

    record: RunRecord
    diff: bytes | None


def write(folder: Path, draft: Draft) -> None:
    """Leave a draft in a folder. Killed anywhere, the folder holds the old draft or the new one, whole.

    No secret that can be told from other text is written, nor any value that the process's environment calls secret.
    """
    record, diff = scrub(draft.record, draft.diff, environment.secrets())
    draft = Draft(record, diff)
    folder.mkdir(parents=True, exist_ok=True)
    if draft.diff is None:
        (folder / DIFF_FILE).unlink(missing_ok=True)
    else:
        _replace(folder / DIFF_FILE, draft.diff)
    _replace(folder / RUN_FILE, draft.record.to_bytes())


def read(folder: Path) -> Draft | None:
    """The draft of exactly this folder, or None.

    Raises:
        BadDocument: there is one, and it cannot be read.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        return None
    record = RunRecord.from_bytes(_bounded(file), source=str(file))
    diff_file = folder / DIFF_FILE
    diff = _bounded(diff_file) if diff_file.is_file() else None
    if record.code.diff_sha256 is None or (diff is not None and sha256(diff) == record.code.diff_sha256):
        return Draft(record, diff if record.code.diff_sha256 else None)
    gap = Gap(field="code.diff_sha256", reason=f"{DIFF_FILE} is missing or was changed, so it is not published")
    return Draft(record.model_copy(update={"gaps": (*record.gaps, gap)}), None)


def find(folder: Path) -> Draft | None:
    """The draft of a folder, or for a checkpoint that of its run.

    A checkpoint has other weights than the run's end, so it is a run of its own: `<run id>-<checkpoint>`.

    Raises:
        BadDocument: there is one, and it cannot be read.
    """
    own = read(folder)
    if own is not None or not folder.resolve().name.startswith("checkpoint-"):
        return own
    parent = read(folder.resolve().parent)
    if parent is None:
        return None
    name = folder.resolve().name
    training, gaps = trainer_state.training_of(folder)
    metrics, _ = trainer_state.metrics_of(training.log_history)
    known = {
        "epochs": training.epochs,
        "steps": training.steps,
        "log_history": training.log_history,
        "checkpoint": trainer_state.checkpoint_of(folder, parent.record.run_id),
    }
    until = {"training": parent.record.training.model_copy(update=known), "metrics": metrics}
    # The log is the checkpoint's own, so what the run left out of its log says nothing here.
    inherited = (gap for gap in parent.record.gaps if gap.field != "training.log_history")
    gap = Gap(field="training.resources", reason=f"of the whole run, not only up to {name}")
    update = {**until, "run_id": f"{parent.record.run_id}-{name}", "gaps": (*inherited, gap, *gaps)}
    return Draft(parent.record.model_copy(update=update), parent.diff)


def _bounded(file: Path) -> bytes:
    """What a draft holds. The record that comes of it may have 8 MiB, and the difference 5 MiB."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
    except OSError as error:
        raise BadDocument(f"{file} cannot be read: {error.strerror}.", hint=f"See: ls -l {file}") from None
    if len(raw) > _LARGEST:
        raise BadDocument(
            f"{file} is larger than any record of a run.",
            expected=f"at most {_LARGEST:,} bytes",
            hint="Restore it from the run, or move it out of the folder to publish what else is known.",
        )
    return raw


def _replace(file: Path, data: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(file)
