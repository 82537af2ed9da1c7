"""The objects of a repo, of which each loose one survives a power cut from the moment it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dulwich.object_store import DiskObjectStore

from hubver.localhub.repos.files import make_folders, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from dulwich.objects import ShaFile


class DurableObjects(DiskObjectStore):
    """dulwich's store of objects, which syncs what is in a file but not the file's name.

    Args:
        folder: `objects` of a bare repo.
    """

    def __init__(self, folder: Path) -> None:
        # Said here, because git calls the setting of this name in a repo's config deprecated each time it runs.
        super().__init__(str(folder), fsync_object_files=True)
        self._folder = folder

    def add_object(self, obj: ShaFile) -> None:
        """Write an object."""
        folder = self._folder / obj.id[:2].decode()
        make_folders(folder)
        super().add_object(obj)
        sync_folder(folder)
