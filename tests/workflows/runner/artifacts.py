"""The artifacts of a run."""

from __future__ import annotations

import hashlib
import shutil
import threading
from typing import TYPE_CHECKING

from workflows.runner.errors import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

_FORBIDDEN = '":<>|*?\r\n\\/'  # https://github.com/actions/upload-artifact#inputs


class Artifacts:
    """Folders of files by name; a name is used once."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._names = []

    def names(self):
        with self._lock:
            return list(self._names)

    def folder(self, name):
        return self._folder / name

    def files(self, name):
        """What an artifact holds, by path."""
        folder = self.folder(name)
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    def add(self, name, files, *, overwrite=False):
        """Keep files, given by their path in the artifact; answer its number and digest.

        Raises:
            StepFailed: the name is taken, or is none.
        """
        if wrong := [character for character in _FORBIDDEN if character in name]:
            raise StepFailed(f"The artifact name is not valid: {name}. Contains the following character: {wrong[0]!r}")
        with self._lock:
            if name in self._names and not overwrite:
                raise StepFailed("(409) Conflict: an artifact with this name already exists on the workflow run")
            shutil.rmtree(self.folder(name), ignore_errors=True)
            digest = hashlib.sha256()
            for path, file in sorted(files.items()):
                target = self.folder(name) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
                digest.update(f"{path}\0".encode() + file.read_bytes())
            if name not in self._names:
                self._names.append(name)
            return self._names.index(name) + 1, digest.hexdigest()
