"""LZ4 frames that say one thing and hold another; hf_xet writes good ones in `test_xet.py`."""

from __future__ import annotations

import random
import tracemalloc

import lz4.frame
import pytest

from hubver.localhub.xet.lz4_frame import decompress

CONTENT = b"chunks compress where they repeat themselves, themselves, themselves"
FRAME = lz4.frame.compress(CONTENT)
LARGEST_CHUNK = 128 * 2**10


def test_frame_is_read():
    assert decompress(FRAME, len(CONTENT)) == CONTENT


@pytest.mark.parametrize("size", [0, 1, len(CONTENT) - 1, len(CONTENT) + 1])
def test_frame_of_another_size_is_refused(size):
    with pytest.raises(ValueError, match="LZ4"):
        decompress(FRAME, size)


BAD = {
    "nothing": b"",
    "another format": b"\x1f\x8b\x08" + bytes(20),
    "a head alone": FRAME[:7],
    "cut off in a block": FRAME[:-6],
    "cut off before its end": FRAME[:-4],
    "another frame behind it": FRAME + FRAME,
    "something behind it": FRAME + b"\0",
    "a size that it does not have": lz4.frame.compress(CONTENT, store_size=False)[:4] + FRAME[4:7] + FRAME[8:],
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD)
def test_what_is_no_whole_frame_is_refused(frame):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of two libraries
        decompress(frame, len(CONTENT))


@pytest.mark.parametrize("store_size", [True, False])
def test_frame_that_would_fill_the_memory_is_not_unpacked(store_size):
    bomb = lz4.frame.compress(bytes(256 * 2**20), store_size=store_size)
    assert len(bomb) < 2 * 2**20
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="LZ4"):
            decompress(bomb, LARGEST_CHUNK)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_damage_is_refused_or_seen_in_the_content():
    for place in range(len(FRAME)):
        for value in random.Random(place).sample(range(256), 16):
            damaged = FRAME[:place] + bytes([value]) + FRAME[place + 1 :]
            try:
                assert len(decompress(damaged, len(CONTENT))) == len(CONTENT)
            except ValueError:
                continue
