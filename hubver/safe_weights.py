"""Weights that may be loaded: safetensors, which hold numbers and nothing else. A pickle runs code when it is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubver.errors import Unsafe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SAFE = ".safetensors"
_INDEX = ".safetensors.index.json"
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})


def check(what: str, folder: Path) -> None:
    """Refuse a model, or an adapter, whose weights would be read from a pickle, in whole or in part.

    `use_safetensors=True` is not enough for that: an index names the files of sharded weights, and the configuration may
    name a file in the place of the usual ones (`transformers_weights`).

    Args:
        what: whose files these are, for the message.
        folder: as it is on this machine.

    Raises:
        Unsafe: loading would come to a pickle.
    """
    pickles = sorted(_pickles(folder)) if folder.is_dir() else []
    if pickles:
        raise Unsafe(
            f"The weights of {what} are a pickle, which may run any code when it is loaded, so they are not loaded.",
            expected="safetensors",
            found=", ".join(pickles[:3]),
            hint="Where you trust it, load it with transformers, save it with save_pretrained(FOLDER), and publish that.",
        )


def _pickles(folder: Path) -> set[str]:
    """The files that loading would begin with, or go on to, and that are no safetensors; or might fall back to."""
    if (folder / "adapter_config.json").is_file():
        usual: tuple[str, ...] = ("adapter_model.safetensors",)
    else:
        named = _object(folder / "config.json").get("transformers_weights")
        usual = (named,) if isinstance(named, str) else (f"model{_SAFE}", f"model{_INDEX}")
    first = next((name for name in usual if (folder / name).is_file()), None)
    if first is None:
        return {file.name for file in folder.iterdir() if file.suffix in _PICKLES}
    files: Iterable[Any] = (first,)
    if first.endswith(_INDEX):
        shards = _object(folder / first).get("weight_map")
        files = shards.values() if isinstance(shards, dict) else ()
    return {str(name) for name in files if not str(name).endswith(_SAFE)}


def _object(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where it is none: then loading says what is wrong with it."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
