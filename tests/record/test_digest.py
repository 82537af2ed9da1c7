from __future__ import annotations

import hashlib

import pytest

from hubver.record import digest
from hubver.record.schema import FileEntry

SIZES = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 * (1 << 20) + 7]


@pytest.fixture
def files(tmp_path):
    contents = {f"{size}.bin": bytes(range(256)) * (size // 256) + bytes(size % 256) for size in SIZES}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path, contents


def test_each_file_has_the_digest_and_the_size_of_its_bytes_in_the_order_asked_for(files):
    folder, contents = files
    found = digest.entries({name: folder / name for name in contents} | {"memory": b"abc"})
    assert found == (
        *(
            FileEntry(path=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
            for name, content in contents.items()
        ),
        FileEntry(path="memory", size=3, sha256=hashlib.sha256(b"abc").hexdigest()),
    )


def test_who_looks_on_sees_every_byte_once_and_in_order(files):
    folder, contents = files
    for name, content in contents.items():
        seen = bytearray()
        digest.entry(name, folder / name, also=seen.extend)
        assert seen == content


def test_progress_grows_to_the_whole(files):
    folder, contents = files
    told = []
    digest.entries({name: folder / name for name in contents}, progress=lambda done, total: told.append((done, total)))
    whole = sum(SIZES)
    assert {total for _, total in told} == {whole}
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (whole, whole)


def test_a_file_that_is_gone_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest.entries({"a": tmp_path / "a"})
