"""Reading LZ4 frames, by the `lz4` package where it is installed.

Without it Python decodes them: right, but 10 to 50 times slower on data that is hard to compress.
The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and `lz4_Block_format.md` beside it.
"""

from __future__ import annotations

import importlib
from typing import Any

try:
    _lz4: Any = importlib.import_module("lz4.frame")
except ModuleNotFoundError:
    _lz4 = None

_MAGIC = b"\x04\x22\x4d\x18"
_DICTIONARY, _CONTENT_SIZE, _BLOCK_CHECKSUM = 0x01, 0x08, 0x10
_STORED = 2**31
_MIN_MATCH = 4
_LONG = 15
_LONGER = 255


def decompress(data: bytes, size: int) -> bytes:
    """Answer the `size` bytes that one frame holds.

    Checksums inside the frame are not looked at: every chunk has a hash of its own.

    Raises:
        ValueError: `data` is not a frame of that content.
    """
    if _lz4 is not None:
        try:
            content: bytes = _lz4.LZ4FrameDecompressor().decompress(data, max_length=size + 1)
        except RuntimeError as error:
            raise ValueError(str(error)) from None
    else:
        content = _decompress(data, size)
    if len(content) != size:
        raise ValueError(f"The LZ4 frame does not hold {size} bytes")
    return content


def _decompress(data: bytes, size: int) -> bytes:
    if data[:4] != _MAGIC or len(data) < 7:
        raise ValueError("Not an LZ4 frame")
    flags = data[4]
    if flags & _DICTIONARY:
        raise ValueError("LZ4 dictionaries are not supported")
    position = 7 + (8 if flags & _CONTENT_SIZE else 0)
    content = bytearray()
    while length := int.from_bytes(data[position : position + 4], "little"):
        position += 4
        end = position + (length & ~_STORED)
        block = data[position:end]
        if length & _STORED:
            content += block
        else:
            _decode_block(block, content, size)
        position = end + (4 if flags & _BLOCK_CHECKSUM else 0)
        if end > len(data) or len(content) > size:
            raise ValueError("The LZ4 frame is cut off, or longer than it should be")
    return bytes(content)


def _decode_block(block: bytes, content: bytearray, limit: int) -> None:
    """Append what a block holds to `content`, in which its matches may reach back.

    Raises:
        ValueError: the block is malformed, or makes more than `limit` bytes of the content.
    """
    position, end = 0, len(block)
    try:
        while position < end:
            token = block[position]
            position += 1
            literals = token >> 4
            if literals == _LONG:
                literals, position = _long_length(block, position)
            content += block[position : position + literals]
            position += literals
            if position >= end:
                break
            offset = block[position] | block[position + 1] << 8
            position += 2
            length = token & _LONG
            if length == _LONG:
                length, position = _long_length(block, position)
            length += _MIN_MATCH
            start = len(content) - offset
            if not offset or start < 0 or len(content) + length > limit:
                raise ValueError("An LZ4 match leads outside the content")
            if offset >= length:
                content += content[start : start + length]
            else:
                content += (bytes(content[start:]) * (length // offset + 1))[:length]
    except IndexError:
        raise ValueError("The LZ4 block is cut off") from None
    if position != end:
        raise ValueError("The LZ4 block is cut off")


def _long_length(block: bytes, position: int) -> tuple[int, int]:
    """Read the rest of a length that begins with 15; answer it and the position behind it."""
    length = _LONG
    while True:
        step = block[position]
        position += 1
        length += step
        if step != _LONGER:
            return length, position
