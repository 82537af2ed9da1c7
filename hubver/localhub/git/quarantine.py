"""Where the objects of a push wait until it is accepted, so that a refused one leaves nothing behind.

As in git itself: a store of objects on top of the repo's, in a folder of the name by which `git prune` knows it.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dulwich.object_store import DiskObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Quarantine:
    """The objects of one push.

    Args:
        objects: folder of the repo's objects.
        folder: for those of the push, within the former.
    """

    def __init__(self, objects: Path, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        DiskObjectStore.init(str(folder)).close()
        (folder / "info" / "alternates").write_text(f"{objects.resolve()}\n")
        self.store = DiskObjectStore(str(folder))
        """The repo's objects with those of the push."""
        self.store.fsync_object_files = True

    def release(self) -> None:
        """Give the objects to the repo."""
        packs = self._folder / "pack"
        # A pack counts from the moment its index is there, so that one comes last.
        for file in sorted(packs.iterdir(), key=lambda file: file.suffix == ".idx"):
            file.rename(self._objects / "pack" / file.name)


@contextmanager
def quarantine(git_dir: Path) -> Iterator[Quarantine]:
    """Open a place for the objects of one push to the bare repo at `git_dir`; what is not released is gone afterwards."""
    objects = git_dir / "objects"
    folder = objects / f"tmp_objdir-incoming-{secrets.token_hex(8)}"
    try:
        waiting = Quarantine(objects, folder)
        try:
            yield waiting
        finally:
            waiting.store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
