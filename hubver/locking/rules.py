"""What a lock says, held against what is there now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubver.hub.contents import Refs, StoredFile
    from hubver.hub.events import State
    from hubver.locking.document import LockedFile, LockedModel
    from hubver.record.schema import RunRecord


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was locked.

    Attributes:
        subject: what it is about: a path, `tag v1.0.0`, `commit`, `base`, `record`, `ledger`.
        fact: what is wrong, in a few words.
    """

    subject: str
    fact: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.fact} (expected {self.expected}, found {self.found})"


def of_files(locked: Mapping[str, LockedFile], stored: Mapping[str, StoredFile], *, of: str = "") -> Iterator[Fault]:
    """The Hub stores each file that was locked as it was then, and none beside them.

    Args:
        of: whose files, to go before the path: `base acme/base `.
    """
    for path in sorted(locked.keys() | stored.keys()):
        pinned, there = locked.get(path), stored.get(path)
        if there is None:
            yield Fault(of + path, "it is missing", _digest(locked[path]), "no such file")
        elif pinned is None:
            yield Fault(of + path, "it was not there when the lock was made", "no such file", f"blob {there.blob}")
        elif there.sha256 not in (None, pinned.sha256):
            yield Fault(of + path, "it is not the file that was locked", _digest(pinned), f"sha256 {there.sha256}")
        elif there.blob != pinned.blob:
            yield Fault(of + path, "it is not the file that was locked", f"blob {pinned.blob}", f"blob {there.blob}")
        elif there.size != pinned.size:
            yield Fault(of + path, "it is not as long as it was", f"{pinned.size} bytes", f"{there.size}")


def of_record(locked: LockedModel, record: RunRecord, sha256: str) -> Iterator[Fault]:
    """The record is the one that was locked, and says of each file what the lock says.

    Args:
        sha256: digest of the record's bytes.
    """
    if sha256 != locked.record_sha256:
        yield Fault("record", "it is not the one that was locked", f"sha256 {locked.record_sha256}", f"sha256 {sha256}")
    told = record.base_model
    if locked.base is not None and told.id is not None and told.sha is not None:
        base, recorded = f"{locked.base.repo_id}@{locked.base.sha}", f"{told.id}@{told.sha}"
        if base != recorded:
            yield Fault("base", "the lock and the record disagree", recorded, base)
    for entry in record.files:
        pinned = locked.files.get(entry.path)
        found = "no such file" if pinned is None else f"sha256 {pinned.sha256}"
        if pinned is None or pinned.sha256 != entry.sha256:
            yield Fault(entry.path, "the lock and the record disagree", f"sha256 {entry.sha256}", found)


def of_tag(locked: LockedModel, refs: Refs) -> Iterator[Fault]:
    """The version's tag is where it was: version tags never move."""
    if locked.version is None:
        return
    now = refs.tags.get(locked.version)
    if now is None:
        yield Fault(f"tag {locked.version}", "it is gone", locked.sha, "no such tag")
    elif now != locked.sha:
        yield Fault(f"tag {locked.version}", "it has moved", locked.sha, now)


def of_quarantine(locked: LockedModel, state: State) -> Iterator[Fault]:
    """Nobody has put the commit under quarantine since."""
    if state.is_quarantined(locked.sha):
        name = locked.version or locked.sha[:8]
        yield Fault("commit", f"{name} is quarantined", "a revision that may be used", "quarantine")


def _digest(file: LockedFile) -> str:
    return f"sha256 {file.sha256}" if file.sha256 else f"blob {file.blob}"
