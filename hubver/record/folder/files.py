"""Which files of an output folder are published, and which are not, with the reason.

Only what is known to belong to a model travels. Pickles run code when they are read, so they are told by their content
and refused, except for by-products that every trainer leaves behind: those merely stay home.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadInput, Unsafe
from hubver.record.draft import DIFF_FILE, RUN_FILE
from hubver.record.folder import file_checks
from hubver.record.folder.file_names import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    belongs,
    is_full_weights,
    is_old_weights,
    is_tokenizer_file,
)
from hubver.record.folder.pickles import is_pickle
from hubver.record.folder.refusals import nothing_to_publish
from hubver.record.schema import RECORD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hubver.record.schema import WeightsKind

__all__ = ["ADAPTER_CONFIG", "ADAPTER_WEIGHTS", "LeftOut", "Selection", "belongs", "is_tokenizer_file", "select"]

_BY_PRODUCTS = (
    ("training_args.bin", "a pickle that holds the trainer's arguments, tokens included; the record has them redacted"),
    ("optimizer.*", "a pickle of the optimizer's state, which only resuming needs"),
    ("scheduler.pt", "a pickle of the scheduler's state, which only resuming needs"),
    ("scaler.pt", "a pickle of the scaler's state, which only resuming needs"),
    ("rng_state*.pth", "a pickle of the random state, which only resuming needs"),
    ("README.md", "the card is written anew from the record"),
)
# Our own: their content travels as the new record.
_OURS = (RUN_FILE, DIFF_FILE, RECORD_FILE)


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not published, relative to the output folder, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Selection:
    """What travels, by path in the repo, sorted; whether it is an adapter or a whole model; and what stays."""

    kind: WeightsKind
    files: Mapping[str, Path]
    left_out: tuple[LeftOut, ...]

    @property
    def weights(self) -> list[str]:
        """The paths of the safetensors files."""
        return [path for path in self.files if path.endswith(".safetensors")]

    @property
    def tokenizer(self) -> list[str]:
        """The paths of the tokenizer's files."""
        return [path for path in self.files if is_tokenizer_file(path)]


def select(folder: Path) -> Selection:
    """Look through an output folder.

    Raises:
        BadInput: the folder does not exist or holds no adapter and no whole model, a file that would travel cannot be
            read or is not what its name says, or a configuration is larger than 4 MiB or no JSON object in UTF-8.
        Unsafe: it holds a pickle that is no known by-product, weights in the old pickle format only, a link to
            outside, a name that not every system can have, or a secret in a file that would travel.
    """
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is not a folder.",
            expected="the output folder of a training run",
            hint="Name the folder that save_model() or save_pretrained() wrote.",
        )
    files: dict[str, Path] = {}
    left_out: list[LeftOut] = []
    for path, file in _walk(folder, left_out):
        reason = _why_not(path, file)
        if reason is None:
            files[path] = file
        else:
            left_out.append(LeftOut(path, reason))
    kind = _kind(folder, files)
    file_checks.check_names(files)
    file_checks.check_shards(files)
    for path, file in files.items():
        file_checks.check_content(path, file)
    return Selection(kind, files, tuple(sorted(left_out, key=lambda item: item.path)))


def _walk(folder: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, Path]]:
    """The files that may travel; folders that may not are noted in `left_out`. Hidden files are nobody's to publish."""
    root = folder.resolve()
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in _OURS:
            continue
        _check_inside(root, entry)
        if not entry.is_dir():
            yield entry.name, entry
        elif entry.name == "additional_chat_templates":
            for template in sorted(entry.iterdir()):
                _check_inside(root, template)
                yield f"{entry.name}/{template.name}", template
        else:
            checkpoint = entry.name.startswith("checkpoint-")
            reason = "a checkpoint of the run, with the state to resume it" if checkpoint else "a folder of its own"
            left_out.append(LeftOut(f"{entry.name}/", reason))


def _check_inside(root: Path, entry: Path) -> None:
    try:
        target = entry.resolve(strict=True)
    except (OSError, RuntimeError):
        raise Unsafe(f"{entry.name} is a link that leads nowhere.", hint=f"Remove it: rm {entry}") from None
    if not target.is_relative_to(root):
        raise Unsafe(
            f"{entry.name} is a link to a file outside the folder.",
            expected="files inside the folder",
            hint="Copy the file into the folder, or remove the link.",
        )


def _why_not(path: str, file: Path) -> str | None:
    """Why a file stays home, or None if it travels."""
    if not file.is_file():
        return "not a regular file"
    for pattern, reason in _BY_PRODUCTS:
        if fnmatch.fnmatchcase(path, pattern):
            return reason
    if is_old_weights(path):
        return "weights in the old pickle format"
    try:
        pickled = is_pickle(file)
    except OSError as error:
        if belongs(path):
            raise file_checks.unreadable(path, error) from None
        return f"cannot be read ({error.strerror})"
    if pickled:
        raise Unsafe(
            f"{path} is a pickle, which runs code when it is read.",
            expected="safetensors, JSON and tokenizer files",
            hint=f"Move it out of the folder: mv {file} ..",
        )
    return None if belongs(path) else "not part of the model"


def _kind(folder: Path, files: Mapping[str, Path]) -> WeightsKind:
    if ADAPTER_WEIGHTS in files and ADAPTER_CONFIG in files:
        return "adapter"
    if ADAPTER_WEIGHTS not in files and ADAPTER_CONFIG not in files:
        full = any(is_full_weights(path) for path in files)
        if full and "config.json" in files:
            return "full"
    raise nothing_to_publish(folder, files)
