"""Why a folder cannot be published, in words that lead on: where its model may be instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import BadInput, Unsafe
from hubver.record.draft import FINAL_FOLDER, RUN_FILE
from hubver.record.folder.file_names import ADAPTER_CONFIG, ADAPTER_WEIGHTS, OLD_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def nothing_to_publish(folder: Path, files: Mapping[str, Path]) -> BadInput:
    """The error for a folder without a model.

    Args:
        folder: the one that was named.
        files: what of it would travel, by path.
    """
    old = [path.name for pattern in OLD_WEIGHTS for path in sorted(folder.glob(pattern))]
    if old and not any(path.endswith(".safetensors") for path in files):
        return Unsafe(
            f"{old[0]} is the only weights file, and it is a pickle, which runs code when it is read.",
            expected=ADAPTER_WEIGHTS if old[0].startswith("adapter") else "model.safetensors",
            hint="Convert it: load the model and call model.save_pretrained(FOLDER, safe_serialization=True).",
        )
    return BadInput(
        f"There is no model in {folder}.",
        expected=f"{ADAPTER_WEIGHTS} with {ADAPTER_CONFIG}, or model.safetensors with config.json",
        found=", ".join(sorted(files)) or "none of them",
        hint=_where_the_model_may_be(folder),
    )


def _where_the_model_may_be(folder: Path) -> str:
    final = folder / FINAL_FOLDER
    if (final / RUN_FILE).is_file():
        return f"The model was saved in {FINAL_FOLDER}: name that folder, {final}."
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: (len(path.name), path.name))
    checkpoint = f"To publish a checkpoint, name it: {checkpoints[-1]}. " if checkpoints else ""
    if (folder / RUN_FILE).is_file():
        return (
            f"{checkpoint}The run's record lies here, but its model does not: if it was saved elsewhere, copy "
            f"{RUN_FILE} there and name that folder; otherwise save it here: trainer.save_model()."
        )
    return f"{checkpoint}{'Otherwise save' if checkpoint else 'Save'} the model into the folder: trainer.save_model()."
