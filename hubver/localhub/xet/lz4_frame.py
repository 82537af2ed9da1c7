"""Reading LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md)."""

from __future__ import annotations

from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]  # lz4 brings no types


def decompress(data: bytes, size: int) -> bytes:
    """Answer the `size` bytes that one frame holds; more of them are never unpacked.

    Checksums inside the frame need not be there: every chunk has a hash of its own.

    Raises:
        ValueError: `data` is not one whole frame of that content.
    """
    frame = LZ4FrameDecompressor()
    try:
        content: bytes = frame.decompress(data, max_length=size + 1)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    # Clients unpack the frame themselves, and some refuse one without its end or with something behind it.
    if len(content) != size or not frame.eof or frame.unused_data:
        raise ValueError(f"The LZ4 frame does not hold {size} bytes")
    return content
