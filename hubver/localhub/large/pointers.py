"""Git LFS as git sees it: pointer files, and the attributes that say which paths hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

from dulwich.attrs import Pattern as AttributePattern
from dulwich.attrs import match_path, parse_git_attributes

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ .*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_POINTER_SIZE_LIMIT = 1024  # https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md

REGULAR_SIZE_LIMIT = 10 * 2**20
"""Largest file in bytes that the Hub keeps in git itself."""

# What the Hub writes into every new repo.
_DEFAULT_PATTERNS = [
    "*.7z",
    "*.arrow",
    "*.bin",
    "*.bz2",
    "*.ckpt",
    "*.ftz",
    "*.gz",
    "*.h5",
    "*.joblib",
    "*.lfs.*",
    "*.mlmodel",
    "*.model",
    "*.msgpack",
    "*.npy",
    "*.npz",
    "*.onnx",
    "*.ot",
    "*.parquet",
    "*.pb",
    "*.pickle",
    "*.pkl",
    "*.pt",
    "*.pth",
    "*.rar",
    "*.safetensors",
    "saved_model/**/*",
    "*.tar.*",
    "*.tar",
    "*.tflite",
    "*.tgz",
    "*.wasm",
    "*.xz",
    "*.zip",
    "*.zst",
    "*tfevents*",
]
DEFAULT_ATTRIBUTES = "".join(f"{p} filter=lfs diff=lfs merge=lfs -text\n" for p in _DEFAULT_PATTERNS).encode()


@dataclass(frozen=True)
class Pointer:
    """A reference to a large file: its sha256 in hex and its size in bytes."""

    oid: str
    size: int

    def __bytes__(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.oid}\nsize {self.size}\n".encode()


def parse_pointer(content: bytes) -> Pointer | None:
    """Read a pointer file; None if `content` is an ordinary file."""
    if len(content) > _POINTER_SIZE_LIMIT or not (found := _POINTER.fullmatch(content)):
        return None
    return Pointer(found[1].decode(), int(found[2]))


class Attributes:
    """A parsed `.gitattributes` at the root of a repo (the Hub reads no other)."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._patterns = [(AttributePattern(p), values) for p, values in parse_git_attributes(BytesIO(content))]

    def is_lfs(self, path: str) -> bool:
        """Whether files at `path` go to LFS."""
        return match_path(self._patterns, path.encode()).get(b"filter") == b"lfs"

    def with_lfs_paths(self, paths: list[str]) -> bytes:
        """The content with a line added for each of `paths` that no line sends to LFS yet."""
        lines = [f"{_quote(p)} filter=lfs diff=lfs merge=lfs -text\n" for p in paths if not self.is_lfs(p)]
        gap = b"" if not lines or not self.content or self.content.endswith(b"\n") else b"\n"
        return self.content + gap + "".join(lines).encode()


def _quote(path: str) -> str:
    """Make a pattern that matches only `path`: attributes end at white space, and know wildcards."""
    return re.sub(r"\s", "[[:space:]]", re.sub(r"([*?\[\\])", r"\\\1", path))


def wants_lfs(attributes: Attributes, path: str, size: int, sample: bytes) -> bool:
    """Say how a file should be uploaded, by the Hub's rule as far as it can be seen from outside.

    Args:
        attributes: of the revision committed to.
        path: in the repo.
        size: in bytes.
        sample: the first bytes of the file (the client sends 512).
    """
    if size == 0:
        return False
    return attributes.is_lfs(path) or size >= REGULAR_SIZE_LIMIT or is_binary(sample)


def is_binary(sample: bytes) -> bool:
    """Whether these first bytes of a file are no text."""
    if b"\0" in sample:
        return True
    try:
        # The sample may end inside a character, so at most three bytes at its end may not decode.
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 3
    return False
