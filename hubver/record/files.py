"""Which files of an output folder are published, and which are not, with the reason.

Only what is known to belong to a model travels. Pickles run code when they are read, so they are told by their content
and refused, except for by-products that every trainer leaves behind: those merely stay home.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadInput, Unsafe
from hubver.record.draft import DIFF_FILE, FINAL_FOLDER, RUN_FILE
from hubver.record.pickles import is_pickle
from hubver.record.schema import RECORD_FILE
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hubver.record.schema import WeightsKind

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
_FULL_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_INDEX = "model.safetensors.index.json"
_MODEL_FILES = frozenset({"config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"})
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.spm",
    "*.model",
    "*.tiktoken",
    "chat_template*.jinja",
    "chat_template.json",
    "additional_chat_templates/*.jinja",
)
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
_OLD_WEIGHTS = ("adapter_model.bin", "pytorch_model*.bin")
# These are read whole, and partly go into the record, which every later push must read.
_CONFIGURATIONS = frozenset({ADAPTER_CONFIG, "config.json", "tokenizer_config.json"})
_OBJECTS = _CONFIGURATIONS | {"tokenizer.json"}
# A configuration larger than this is no configuration; the scan for secrets stays bounded.
_LARGEST = 4 << 20


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


def is_tokenizer_file(path: str) -> bool:
    """Whether a path in the repo belongs to the tokenizer."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in TOKENIZER_FILES)


def belongs(path: str) -> bool:
    """Whether a file of this name, relative to the output folder, is part of a model and travels if it is sound."""
    known = path in {ADAPTER_WEIGHTS, ADAPTER_CONFIG, _INDEX, *_MODEL_FILES} or _FULL_WEIGHTS.fullmatch(path)
    return bool(known) or is_tokenizer_file(path)


def select(folder: Path) -> Selection:
    """Look through an output folder.

    Raises:
        BadInput: the folder does not exist or holds no adapter and no whole model, or a configuration is larger than
            4 MiB or no JSON object in UTF-8.
        Unsafe: it holds a pickle that is no known by-product, weights in the old pickle format only, a link to
            outside, or a secret in a file that would travel.
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
    _check_shards(files)
    for path, file in files.items():
        _check_content(path, file)
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
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in _OLD_WEIGHTS):
        return "weights in the old pickle format"
    if is_pickle(file):
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
        full = any(_FULL_WEIGHTS.fullmatch(path) for path in files)
        if full and "config.json" in files:
            return "full"
    raise _nothing_to_publish(folder, files)


def _nothing_to_publish(folder: Path, files: Mapping[str, Path]) -> BadInput:
    old = [path.name for pattern in _OLD_WEIGHTS for path in sorted(folder.glob(pattern))]
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


def _check_shards(files: Mapping[str, Path]) -> None:
    if _INDEX not in files:
        return
    try:
        shards = set(json.loads(files[_INDEX].read_bytes())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{_INDEX} cannot be read.", expected="JSON with a weight_map", hint="Save it again.") from None
    missing = sorted(str(shard) for shard in shards if shard not in files)
    if missing:
        raise BadInput(
            f"The weights are not complete: {missing[0]} is missing.",
            expected=f"{len(shards)} files named in {_INDEX}",
            found=f"{len(shards) - len(missing)}",
            hint="Save the model again: trainer.save_model().",
        )


def _check_content(path: str, file: Path) -> None:
    """A configuration is one that others can read, and no token leaves in it: old tokenizers wrote the one they used."""
    if not path.endswith(".json"):
        return
    size = file.stat().st_size
    if path in _CONFIGURATIONS and size > _LARGEST:
        raise BadInput(
            f"{path} is too large for a configuration.",
            expected=f"at most {_LARGEST:,} bytes",
            found=f"{size:,} bytes",
            hint="Look what fills it, remove that, and save it again.",
        )
    if path in _OBJECTS:
        _check_object(path, file)
    if _is_vocabulary(path) or size > _LARGEST:
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    if redact(text) != text:
        raise Unsafe(f"{path} holds what looks like a secret.", hint=f"Remove the secret from {file}, and revoke it.")


def _check_object(path: str, file: Path) -> None:
    hint = f"Save the model and its tokenizer again, or remove {file} if it is not theirs."
    expected = "a JSON object in UTF-8"
    try:
        value = json.loads(file.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", expected=expected, hint=hint) from None
    if not isinstance(value, dict):
        raise BadInput(f"{path} cannot be read.", expected=expected, found=type(value).__name__, hint=hint)


def _is_vocabulary(path: str) -> bool:
    """Files of words, where any shape may occur by chance."""
    return path in {"tokenizer.json", "vocab.json", "added_tokens.json"}
