"""What every part of a record is made of."""

from __future__ import annotations

from hubver.documents import Part


class FileEntry(Part):
    """One file: its path with forward slashes, its size in bytes and its sha256."""

    path: str
    size: int
    sha256: str


class Gap(Part):
    """Something that is not known about the run, as `part.field`, and why."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"
