"""The names that the files of a model have, and what each tells. Pure."""

from __future__ import annotations

import fnmatch
import re

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
_FULL_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
INDEX = "model.safetensors.index.json"
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
OLD_WEIGHTS = ("adapter_model.bin", "pytorch_model*.bin")


def is_tokenizer_file(path: str) -> bool:
    """Whether a path in the repo belongs to the tokenizer."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in TOKENIZER_FILES)


def belongs(path: str) -> bool:
    """Whether a file of this name, relative to the output folder, is part of a model and travels if it is sound."""
    known = path in {ADAPTER_WEIGHTS, ADAPTER_CONFIG, INDEX, *_MODEL_FILES} or _FULL_WEIGHTS.fullmatch(path)
    return bool(known) or is_tokenizer_file(path)


def is_old_weights(path: str) -> bool:
    """Whether it is weights in the format that is a pickle."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in OLD_WEIGHTS)


def is_full_weights(path: str) -> bool:
    """Whether it is a whole model's weights, or a part of them."""
    return _FULL_WEIGHTS.fullmatch(path) is not None
