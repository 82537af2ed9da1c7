"""The tokenizer part, from the files that travel: what turns text into numbers is part of the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubver.record.digest import sha256
from hubver.record.schema import FileEntry, Gap, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token")

# transformers writes "no limit" as 1e30 (`VERY_LARGE_INTEGER`).
_NO_LIMIT = 10**12


def from_files(files: Mapping[str, Path], entries: Sequence[FileEntry], seen: Tokenizer) -> tuple[Tokenizer, list[Gap]]:
    """Describe the tokenizer of a folder.

    Args:
        files: the tokenizer's files, by path in the repo.
        entries: their digests.
        seen: what the run saw of its tokenizer; empty without a draft.

    Returns:
        The part, where the folder's own files win over what was seen, and what is not known.
    """
    if not files:
        return seen, [Gap(field="tokenizer.files", reason="no tokenizer was saved in the folder")]
    config = _read(files.get("tokenizer_config.json"))
    template = _template(files, config)
    special = {name: _text(config[name]) for name in _SPECIAL if config.get(name)} or seen.special_tokens
    side = config.get("padding_side")
    part = Tokenizer(
        tokenizer_class=config.get("tokenizer_class") or seen.tokenizer_class,
        files=tuple(entries),
        chat_template_sha256=sha256(template) if template is not None else None,
        sample=seen.sample,
        sample_sha256=seen.sample_sha256,
        special_tokens=special,
        vocab_size=seen.vocab_size or _vocab_size(_read(files.get("tokenizer.json"))),
        padding_side=seen.padding_side or (side if isinstance(side, str) else None),
        model_max_length=seen.model_max_length or limit(config.get("model_max_length")),
    )
    return part, list(_gaps(part, seen))


def limit(length: Any) -> int | None:
    """The longest input in tokens, or None for a tokenizer that sets no limit."""
    return length if isinstance(length, int) and length < _NO_LIMIT else None


def _gaps(part: Tokenizer, seen: Tokenizer) -> list[Gap]:
    gaps = []
    if part.chat_template_sha256 and not part.sample_sha256:
        gaps.append(Gap(field="tokenizer.sample_sha256", reason="rendering needs the run's own tokenizer"))
    if part.vocab_size is None:
        gaps.append(Gap(field="tokenizer.vocab_size", reason="the tokenizer's files do not say"))
    if seen.tokenizer_class and part.chat_template_sha256 != seen.chat_template_sha256:
        gaps.append(Gap(field="tokenizer.chat_template_sha256", reason="the saved template is not the one of the run"))
    return gaps


def _read(file: Path | None) -> dict[str, Any]:
    """A JSON object, or nothing: a tokenizer's file is published as it is, and described as far as it can be read."""
    if file is None:
        return {}
    try:
        value = json.loads(file.read_bytes())
    except (UnicodeDecodeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _template(files: Mapping[str, Path], config: dict[str, Any]) -> bytes | None:
    if "chat_template.jinja" in files:
        return files["chat_template.jinja"].read_bytes()
    template = config.get("chat_template") or _read(files.get("chat_template.json")).get("chat_template")
    if template is None:
        return None
    return template.encode() if isinstance(template, str) else json.dumps(template, sort_keys=True).encode()


def _text(token: Any) -> Any:
    return token.get("content") if isinstance(token, dict) else token


def _vocab_size(tokenizer: dict[str, Any]) -> int | None:
    model = tokenizer.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocab, dict | list):
        return None
    words = set(vocab) if isinstance(vocab, dict) else {entry[0] for entry in vocab}
    return len(words | {token.get("content") for token in tokenizer.get("added_tokens", [])})
