"""Look at the numbers of a safetensors file while it is read for its digest: NaN, infinities, and LoRA parts all zero.

Without torch or numpy: an IEEE 754 number is not finite when all bits of its exponent are set, so the last byte of a
little-endian number nearly always tells that it is finite. Slices of every n-th byte, and searches for a byte in them,
are about as fast as hashing.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hubver.errors import BadInput
from hubver.record.folder.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.record.folder.safetensors_header import TensorHeader

_LORA_B = re.compile(r"(?:.*\.)?lora_(?:embedding_)?B(?:\.[^.]+)*")
# The most bytes of a number that a piece may have cut off.
_WIDEST = 8


class _Format(NamedTuple):
    """A floating format.

    Attributes:
        width: bytes of a number.
        suspects: last bytes that a number that is not finite may have.
        code: how `struct` reads it, after `padding` in front; empty where a suspect is NaN for certain.
        padding: what makes it a number that `struct` knows.
    """

    width: int
    suspects: bytes
    code: str = ""
    padding: bytes = b""


_FULL = b"\x7f\xff"
_HALF = bytes([*range(0x7C, 0x80), *range(0xFC, 0x100)])
# BF16 is the upper half of F32, and F8_E5M2 that of F16. The other formats of 8 bits have no infinities (OCP OFP8 and MX
# specifications; the FNUZ variants give NaN the place of the negative zero).
_FORMATS = {
    "F64": _Format(8, _FULL, "<d"),
    "F32": _Format(4, _FULL, "<f"),
    "BF16": _Format(2, _FULL, "<f", b"\0\0"),
    "F16": _Format(2, _HALF, "<e"),
    "F8_E5M2": _Format(1, _HALF, "<e", b"\0"),
    "F8_E4M3": _Format(1, _FULL),
    "F8_E8M0": _Format(1, b"\xff"),
    "F8_E4M3FNUZ": _Format(1, b"\x80"),
    "F8_E5M2FNUZ": _Format(1, b"\x80"),
}


@dataclass(frozen=True)
class Seen:
    """What the numbers of a file say.

    Attributes:
        nan: the first tensor that holds NaN; None where none does.
        infinite: the first tensor that holds an infinity.
        updates: whether any number in its LoRA B matrices is not zero; None where it has none.
    """

    nan: str | None = None
    infinite: str | None = None
    updates: bool | None = None


@dataclass
class TensorScan:
    """Sees a file's bytes as they are read, in order, however they are cut into pieces.

    Args:
        name: the file's path in the repo.
        header: its tensors.
        start: where its numbers begin.
    """

    name: str
    header: Mapping[str, TensorHeader]
    start: int
    _order: list[tuple[int, int, str]] = field(init=False)
    _next: int = field(init=False, default=0)
    _position: int = field(init=False, default=0)
    _tail: bytes = field(init=False, default=b"")
    _seen: Seen = field(init=False)

    def __post_init__(self) -> None:
        self._order = sorted(
            (self.start + tensor.start, self.start + tensor.end, name)
            for name, tensor in self.header.items()
            if tensor.end > tensor.start
        )
        self._seen = Seen(updates=False if any(_LORA_B.fullmatch(name) for name in self.header) else None)

    @classmethod
    def of(cls, name: str, file: Path) -> TensorScan:
        """For a file that is about to be read.

        Raises:
            BadInput: it is no whole safetensors file.
        """
        header = read_header(file)
        return cls(name, header, file.stat().st_size - max((tensor.end for tensor in header.values()), default=0))

    def update(self, piece: memoryview) -> None:
        """See the next bytes of the file."""
        begin, end = self._position, self._position + len(piece)
        while self._next < len(self._order):
            first, last, name = self._order[self._next]
            if first >= end:
                break
            self._look(name, bytes(piece[max(first - begin, 0) : last - begin]), max(begin - first, 0))
            if last > end:
                break
            self._next += 1
        self._position = end
        self._tail = (self._tail + bytes(piece[-_WIDEST:]))[-_WIDEST:]

    def finish(self) -> Seen:
        """What was seen, once all of the file was.

        Raises:
            BadInput: the file has become shorter while it was read.
        """
        if self._next < len(self._order):
            raise BadInput(
                f"{self.name} became shorter while it was read.",
                expected=f"{self._order[-1][1]:,} bytes",
                found=f"{self._position:,}",
                hint="Wait until the training has saved the model, and push again.",
            )
        return self._seen

    def _look(self, name: str, part: bytes, done: int) -> None:
        """Look at a part of a tensor, of which so many bytes came before."""
        form, seen = _FORMATS.get(self.header[name].dtype), self._seen
        if form is not None and not (seen.nan and seen.infinite):
            first = (form.width - 1 - done) % form.width
            last_bytes = part[first :: form.width]
            if any(suspect in last_bytes for suspect in form.suspects):
                self._suspect(name, form, part, first)
        if self._seen.updates is False and part.count(0) != len(part) and _LORA_B.fullmatch(name):
            self._seen = Seen(self._seen.nan, self._seen.infinite, updates=True)

    def _suspect(self, name: str, form: _Format, part: bytes, first: int) -> None:
        """Tell what is not finite from what is only large. The first number's last byte is at `first`."""
        nan, infinite = self._seen.nan, self._seen.infinite
        for place, byte in enumerate(part[first :: form.width]):
            if byte not in form.suspects:
                continue
            end = first + place * form.width + 1
            number = part[max(end - form.width, 0) : end]
            number = (
                self._tail[len(self._tail) + len(number) - form.width :] if len(number) < form.width else b""
            ) + number
            value: float = struct.unpack(form.code, form.padding + number)[0] if form.code else math.nan
            if math.isnan(value):
                nan = nan or name
            elif math.isinf(value):
                infinite = infinite or name
            if nan and infinite:
                break
        self._seen = Seen(nan, infinite, self._seen.updates)


def check_numbers(seen: Mapping[str, Seen]) -> None:
    """Refuse weights that compute nothing.

    Raises:
        BadInput: a tensor holds NaN.
    """
    for path, one in sorted(seen.items()):
        if one.nan is not None:
            raise BadInput(
                f"{path} holds NaN, so this model can compute nothing.",
                expected="numbers",
                found=f"NaN in {one.nan[:100]}",
                hint="The training diverged: publish a checkpoint from before, or train again at a lower learning rate.",
            )


def doubts(seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """What is odd about the weights but no reason to refuse them, in a few words each."""
    found = [f"{path} holds an infinity, in {one.infinite[:100]}" for path, one in sorted(seen.items()) if one.infinite]
    updates = [one.updates for one in seen.values() if one.updates is not None]
    if updates and not any(updates):
        found.append("the adapter changes nothing: all its lora_B are zero, as before any training")
    return tuple(found)
