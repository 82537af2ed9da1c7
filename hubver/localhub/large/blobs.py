"""The contents of a commit's files on their way into git: on disk, so that memory holds one of them at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from dulwich.objects import Blob
from dulwich.pack import full_unpacked_object

from hubver.localhub.repos.repository import write_blob

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from dulwich.object_store import BaseObjectStore
    from typing_extensions import Self

Content = Callable[[], bytes]
"""Reads the content of a file; it may be called more than once."""

_IN_MEMORY = 8 * 2**20
_MOST_LOOSE = 20


class Stash:
    """Contents that wait, one behind the other in a temporary file. Use as a context manager, from one thread."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `__exit__`

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, content: bytes) -> Content:
        """Take a content, and answer how to get it back while the stash is open."""
        start, size = self._file.seek(0, 2), len(content)
        self._file.write(content)

        def read() -> bytes:
            self._file.seek(start)
            return self._file.read(size)

        return read


def write_blobs(store: BaseObjectStore, contents: Mapping[str, Content]) -> dict[str, str]:
    """Store contents and answer their object ids, by path.

    Many go into one pack: loose objects would have to be synced to the disk one by one, and opened so by every reader.
    """
    if len(contents) <= _MOST_LOOSE:
        return {path: write_blob(store, content()) for path, content in contents.items()}
    written, packed = {}, {}
    for path, content in contents.items():
        blob = Blob.from_string(content()).id
        written[path] = blob.decode()
        packed[blob] = content
    unpacked = (full_unpacked_object(Blob.from_string(content())) for content in packed.values())
    store.add_pack_data(len(packed), unpacked)  # type: ignore[attr-defined]  # every store on disk has it
    return written
