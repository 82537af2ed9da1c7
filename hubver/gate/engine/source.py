"""Where a model lies, and the tokenizer that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.gate.asking import adapter

if TYPE_CHECKING:
    from pathlib import Path

_TOKENIZER_FILES = ("tokenizer_config.json", "tokenizer.json")


@dataclass(frozen=True)
class ModelSource:
    """Where a model lies on this machine. No Hub is needed from here on.

    Attributes:
        name: candidate, production or base.
        folder: an adapter (with `adapter_config.json`) or a whole model, with its tokenizer if it has its own.
        base: the base model's folder; None for a whole model whose base is not known.
        tokenizer: a folder whose tokenizer goes before its own, if there is one: a base that is compared with an adapter
            reads what the adapter reads.
        remote_code: whether code that the files bring along (`auto_map`) may run.
    """

    name: str
    folder: Path
    base: Path | None = None
    tokenizer: Path | None = None
    remote_code: bool = False

    @property
    def is_adapter(self) -> bool:
        """Whether the folder holds an adapter, rather than a whole model."""
        return (self.folder / adapter.CONFIG).is_file()

    @property
    def tokenizer_folder(self) -> Path:
        """The folder its tokenizer is in: its own, or else its base's."""
        for folder in (self.tokenizer, self.folder):
            if folder is not None and any((folder / name).is_file() for name in _TOKENIZER_FILES):
                return folder
        return self.base or self.folder


def read_tokenizer(folder: Path, *, remote_code: bool = False) -> Any:
    """The tokenizer in a folder; whatever transformers raises if it has none."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=remote_code)
