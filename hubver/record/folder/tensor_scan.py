"""Look at the numbers of a safetensors file while it is read for its digest: NaN, infinities, and LoRA parts all zero.

An IEEE 754 number is not finite when all bits of its exponent are set. So those that are not are the largest of all, read
as integers with a sign (the positive ones) and without one (the negative ones): two maxima tell that all of a piece are
finite, and numpy finds them without a copy, without holding Python's lock, and faster than the piece is hashed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
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
        first: the bits of the first number that is not finite, of those without a sign; all above it are NaN.
        infinite: whether that first one is an infinity; else it is NaN too.
        alone: whether it is the only one, with no such number of the other sign.
    """

    width: int
    first: int
    infinite: bool = True
    alone: bool = False


# The formats of 8 bits but F8_E5M2 have no infinities (OCP OFP8 and MX specifications); F8_E8M0 has no sign, and the FNUZ
# variants give NaN the place of the negative zero.
_FORMATS = {
    "F64": _Format(8, 0x7FF0_0000_0000_0000),
    "F32": _Format(4, 0x7F80_0000),
    "BF16": _Format(2, 0x7F80),
    "F16": _Format(2, 0x7C00),
    "F8_E5M2": _Format(1, 0x7C),
    "F8_E4M3": _Format(1, 0x7F, infinite=False),
    "F8_E8M0": _Format(1, 0xFF, infinite=False, alone=True),
    "F8_E4M3FNUZ": _Format(1, 0x80, infinite=False, alone=True),
    "F8_E5M2FNUZ": _Format(1, 0x80, infinite=False, alone=True),
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
            self._look(name, piece[max(first - begin, 0) : last - begin], max(begin - first, 0))
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

    def _look(self, name: str, part: memoryview, done: int) -> None:
        """Look at a part of a tensor, of which so many bytes came before."""
        form, seen = _FORMATS.get(self.header[name].dtype), self._seen
        if form is not None and not (seen.nan and seen.infinite):
            # The rest of a number that the piece before has begun.
            rest = -done % form.width
            if 0 < rest <= len(part):
                self._judge(name, form, (self._tail + bytes(part[:rest]))[-form.width :])
            self._judge(name, form, part[rest : len(part) - (len(part) - rest) % form.width])
        if self._seen.updates is False and _LORA_B.fullmatch(name) and _any_set(part):
            self._seen = replace(self._seen, updates=True)

    def _judge(self, name: str, form: _Format, numbers: bytes | memoryview) -> None:
        """Look at whole numbers."""
        nan, infinite = _not_finite(form, numbers) if numbers else (False, False)
        if nan or infinite:
            seen = self._seen
            self._seen = replace(
                seen, nan=seen.nan or (name if nan else None), infinite=seen.infinite or (name if infinite else None)
            )


def _not_finite(form: _Format, numbers: bytes | memoryview) -> tuple[bool, bool]:
    """Whether any of some numbers is NaN, and whether any is an infinity."""
    import numpy as np

    bits = np.frombuffer(numbers, f"<u{form.width}")
    if form.alone:
        return bool((bits == form.first).any()), False
    sign = 1 << (8 * form.width - 1)
    if bits.max() < sign | form.first and bits.view(f"<i{form.width}").max() < form.first:
        return False, False
    positive = bits & bits.dtype.type(sign - 1)
    at, above = bool((positive == form.first).any()), bool((positive > form.first).any())
    return (above, at) if form.infinite else (at, False)


def _any_set(part: memoryview) -> bool:
    import numpy as np

    return bool(np.frombuffer(part, np.uint8).any())


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
