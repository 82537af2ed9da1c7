"""LZ4 frames, read by Python and by the `lz4` package; hf_xet writes larger ones in `test_xet.py`."""

from __future__ import annotations

import random
from importlib.util import find_spec

import pytest

from hubver.localhub.xet import lz4_frame

HEAD = b"\x04\x22\x4d\x18\x60\x40\x82"
END = bytes(4)


def block(content, *, stored=False):
    return (len(content) | (2**31 if stored else 0)).to_bytes(4, "little") + content


# Made by the format's description: a token (literals << 4 | match - 4), literals, how far back the match is.
ABC = b"\x30abc"
LAST = b"abcdefghijkl"
TAIL = b"\xc0" + LAST  # matches end well before the end of a block, or liblz4 refuses it
GOOD = {
    "nothing": (END, b""),
    "literals": (block(ABC) + END, b"abc"),
    "stored": (block(b"abc", stored=True) + END, b"abc"),
    "a match": (block(b"\x40abcd\x04\x00" + TAIL) + END, b"abcdabcd" + LAST),
    "a match over itself": (block(b"\x16a\x01\x00" + TAIL) + END, b"a" * 11 + LAST),
    "a match over itself in twos": (block(b"\x25ab\x02\x00" + TAIL) + END, b"ab" * 5 + b"a" + LAST),
    "many literals": (block(b"\xf0\x05" + bytes(range(20))) + END, bytes(range(20))),
    "a long match": (block(b"\x1fa\x01\x00\xff\x02" + TAIL) + END, b"a" * (1 + 15 + 255 + 2 + 4) + LAST),
    "two blocks": (block(ABC) + block(b"def", stored=True) + END, b"abcdef"),
}


@pytest.fixture(params=["Python", *(["lz4"] if find_spec("lz4") else [])])
def decompress(request, monkeypatch):
    if request.param == "Python":
        monkeypatch.setattr(lz4_frame, "_lz4", None)
    return lz4_frame.decompress


@pytest.mark.parametrize(("body", "content"), GOOD.values(), ids=GOOD)
def test_frame_is_read(decompress, body, content):
    assert decompress(HEAD + body, len(content)) == content


@pytest.mark.parametrize("difference", [-1, 1])
@pytest.mark.parametrize(("body", "content"), GOOD.values(), ids=GOOD)
def test_frame_of_another_size_is_refused(decompress, body, content, difference):
    if not content and difference < 0:
        return
    with pytest.raises(ValueError, match="LZ4"):
        decompress(HEAD + body, len(content) + difference)


BAD = {
    "nothing": b"",
    "another format": b"\x1f\x8b\x08" + bytes(20),
    "a head alone": HEAD[:5],
    "a dictionary": HEAD[:4] + b"\x61" + HEAD[5:] + bytes(8),
    "cut off in a block": HEAD + block(ABC)[:-1],
    "cut off behind a token": HEAD + block(b"\x40abcd\x04"),
    "cut off in a length": HEAD + block(b"\xf0\xff"),
    "a match from before the start": HEAD + block(b"\x10a\x05\x00" + TAIL) + END,
    "a match from nowhere": HEAD + block(b"\x10a\x00\x00" + TAIL) + END,
    "fewer literals than said": HEAD + block(b"\x50abc") + END,
    "far more than it should hold": HEAD + block(b"\x1fa\x01\x00" + b"\xff" * 2000 + b"\0" + TAIL) + END,
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD)
def test_what_is_no_frame_is_refused(decompress, frame):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of two libraries
        decompress(frame, 8)


def test_damage_is_refused_or_seen_in_the_content(decompress):
    frame = bytearray(HEAD + GOOD["a match"][0])
    for place in range(len(HEAD), len(frame)):
        for value in random.Random(place).sample(range(256), 16):
            damaged = bytes(frame[:place]) + bytes([value]) + bytes(frame[place + 1 :])
            try:
                assert len(decompress(damaged, 20)) == 20
            except ValueError:
                continue
