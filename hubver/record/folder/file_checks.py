"""Whether the files that would travel are what their names say, hold no secret, and can lie on every system."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, Unsafe
from hubver.record.folder.file_names import ADAPTER_CONFIG, INDEX
from hubver.record.folder.safetensors_header import read_header, read_metadata
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# These are read whole, and partly go into the record, which every later push must read.
_CONFIGURATIONS = frozenset({ADAPTER_CONFIG, "config.json", "tokenizer_config.json"})
_OBJECTS = _CONFIGURATIONS | {"tokenizer.json"}
# Files of words, where any shape may occur by chance.
_VOCABULARIES = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json"})
# A configuration larger than this is no configuration; the scan for secrets stays bounded.
_LARGEST = 4 << 20
# Of what is parsed: the largest tokenizers have some 35 MB, the index of the largest models some 10 MB.
_LARGEST_PARSED = 100_000_000
# What no tokenizer's file begins with: archives and what is compressed, which nobody can look into as it is loaded.
_ARCHIVES = {
    b"PK\x03\x04": "a zip",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x93NUMPY": "an array of numpy",
    b"\x89HDF": "an HDF5 file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
# Windows gives these names to devices, whatever comes after a dot (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE | re.DOTALL)
_FORBIDDEN = re.compile(r'[<>:"\\|?*]')
_LONGEST_NAME = 255


def check_names(paths: Iterable[str]) -> None:
    """Whether every system can check these paths out.

    Raises:
        Unsafe: one holds control characters, is no UTF-8, is reserved on Windows, or differs from another by case only.
    """
    seen: dict[str, str] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        reason = _wrong_with(name)
        twin = seen.setdefault(path.casefold(), path)
        if reason is None and twin != path:
            reason = f"differs from {twin} by case only"
        if reason is not None:
            shown = name.encode("utf-8", "backslashreplace").decode()[:100]
            raise Unsafe(
                f"The file name {shown!r} {reason}, so not everyone could check the model out.",
                hint="Rename the file, or move it out of the folder.",
            )


def _wrong_with(name: str) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if not name.isprintable():
        return "holds control characters"
    if size > _LONGEST_NAME:
        return f"is longer than {_LONGEST_NAME} bytes"
    if _DEVICES.fullmatch(name) or _FORBIDDEN.search(name) or name.endswith((".", " ")):
        return "is none that Windows can have"
    return None


def check_shards(files: Mapping[str, Path]) -> None:
    """Whether all the files that the index of sharded weights names are there.

    Raises:
        BadInput: one is missing, or the index cannot be read.
    """
    if INDEX not in files:
        return
    try:
        shards = set(json.loads(read(INDEX, files[INDEX], _LARGEST_PARSED))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput(f"{INDEX} cannot be read.", expected="JSON with a weight_map", hint="Save it again.") from None
    missing = sorted(str(shard) for shard in shards if shard not in files)
    if missing:
        raise BadInput(
            f"The weights are not complete: {missing[0][:100]} is missing.",
            expected=f"{len(shards)} files named in {INDEX}",
            found=f"{len(shards) - len(missing)}",
            hint="Save the model again: trainer.save_model().",
        )


def check_content(path: str, file: Path) -> None:
    """Whether a file is what its name says, and no token leaves in it: old tokenizers wrote the one they used.

    Raises:
        BadInput: it cannot be read, or is something else.
        Unsafe: it holds what looks like a secret.
    """
    if path.endswith(".safetensors"):
        read_header(file)
        _check_secrets(path, file, json.dumps(read_metadata(file), ensure_ascii=False))
        return
    if path == INDEX:
        return
    if path.endswith((".json", ".jinja")) and path not in _VOCABULARIES:
        raw = read(path, file, _LARGEST)
    elif path in _OBJECTS:
        raw = read(path, file, _LARGEST_PARSED)
    else:
        raw = b""
        _check_no_archive(path, file)
    if path in _OBJECTS:
        _check_object(path, file, raw)
    if path not in _VOCABULARIES:
        _check_secrets(path, file, raw.decode("utf-8", "replace"))


def read(path: str, file: Path, limit: int) -> bytes:
    """A file's content.

    Raises:
        BadInput: it is larger than so many bytes, or the system refuses it.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(limit + 1)
            size = file.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from None
    if len(raw) > limit:
        raise BadInput(
            f"{path} is too large for a configuration.",
            expected=f"at most {limit:,} bytes",
            found=f"{size:,} bytes",
            hint="Look what fills it, remove that, and save it again.",
        )
    return raw


def unreadable(path: str, error: OSError) -> BadInput:
    """The error for a file that the system does not let us read."""
    return BadInput(
        f"{path} cannot be read: {error.strerror or type(error).__name__}.",
        hint="Give yourself the right to read it, or move it out of the folder.",
    )


def _check_no_archive(path: str, file: Path) -> None:
    with file.open("rb") as opened:
        head = opened.read(8)
    kind = next((kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)), None)
    if kind is not None:
        raise Unsafe(
            f"{path} is {kind}, and not a tokenizer's file.",
            expected="text, or a SentencePiece model",
            hint=f"Save the tokenizer again, or move the file out of the folder: mv {file} ..",
        )


def _check_secrets(path: str, file: Path, text: str) -> None:
    if redact(text) != text:
        raise Unsafe(f"{path} holds what looks like a secret.", hint=f"Remove the secret from {file}, and revoke it.")


def _check_object(path: str, file: Path, raw: bytes) -> None:
    hint = f"Save the model and its tokenizer again, or remove {file} if it is not theirs."
    expected = "a JSON object in UTF-8"
    try:
        value: Any = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", expected=expected, hint=hint) from None
    if not isinstance(value, dict):
        raise BadInput(f"{path} cannot be read.", expected=expected, found=type(value).__name__, hint=hint)
