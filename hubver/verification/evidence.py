"""What is known of one commit: gathered here, judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadDocument
from hubver.hub import ledger
from hubver.hub.contents import git_blob
from hubver.hub.events import Promoted, Published, Signed
from hubver.hub.transport.moves import EVENT_FILE
from hubver.record import digest
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.signing.bundle import SIGNATURE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs, StoredFile

CARD_FILE = "README.md"
ADAPTER_CONFIG = "adapter_config.json"
# A file that git itself keeps is at most this large on the Hub; a larger one in a tree is a lie, and is not read.
_LARGEST_IN_GIT = 10 << 20
# What the rules look into.
_TEXTS = (RECORD_FILE, CARD_FILE, ADAPTER_CONFIG, SIGNATURE_FILE)
_PAGE = 1000
# What git and the Hub keep for themselves, and what the Hub's client leaves in a folder that it fills.
_HOUSEKEEPING = (".git/", ".cache/huggingface/")


@dataclass(frozen=True)
class Seen:
    """A file of the commit.

    Attributes:
        sha256: of its content; None where it could not be had.
        size: bytes of its content.
        read: whether we have read it; else this is the Hub's word.
        blob: git's name for the content that was read, or None; `stored_blob` is the one in the commit's tree.
    """

    sha256: str | None
    size: int
    read: bool
    blob: str | None = None
    stored_blob: str | None = None


@dataclass(frozen=True)
class Signature:
    """A signature and where it is: `model.sig`, or the ledger's commit that holds it."""

    where: str
    raw: bytes


@dataclass(frozen=True)
class Evidence:
    """Everything that the rules look at.

    Attributes:
        revision: as it was asked for.
        entries: the ledger, newest first.
        whole_ledger: whether it was read to its beginning.
        event_file: the bytes of `event.json` beside the publish event of this commit; None where there is none.
        texts: content of `hubver.json`, `README.md` and `adapter_config.json`, where they are there.
    """

    repo_id: str
    revision: str
    sha: str
    refs: Refs
    files: Mapping[str, Seen]
    texts: Mapping[str, bytes]
    entries: tuple[ledger.Entry, ...]
    whole_ledger: bool
    event_file: bytes | None
    signatures: tuple[Signature, ...]

    @property
    def published(self) -> Published | None:
        """The event that published this commit, as the ledger tells it; the oldest, if it tells it twice."""
        return next((event for event in self._publishing() if event.release.sha == self.sha), None)

    def publishing_of(self, version: str) -> Published | None:
        """The event that published a version; the oldest, for the first one decides what a version is."""
        return next((event for event in self._publishing() if event.release.version == version), None)

    def copied_as(self, version: str) -> str | None:
        """The commit that was made a version by copying it from another repository; None where that is not how."""
        events = (entry.event for entry in reversed(self.entries) if isinstance(entry.event, Promoted))
        return next((event.release.sha for event in events if event.source and event.final_tag == version), None)

    def _publishing(self) -> Iterable[Published]:
        return (entry.event for entry in reversed(self.entries) if isinstance(entry.event, Published))


def gather(
    hub: Hub,
    repo_id: str,
    revision: str,
    sha: str,
    refs: Refs,
    *,
    folder: Path | None,
    progress: Callable[[int, int], object] | None = None,
) -> Evidence:
    """Ask the Hub for everything, and read the files that are small, or all of them where a folder holds them.

    Args:
        folder: holds the files; None to read the small ones from the Hub and take its word for the others.
        progress: told how many bytes of a folder's files have been hashed, and of how many.
    """
    stored = hub.files(repo_id, sha)
    if folder is None:
        contents = _small_files(hub, repo_id, sha, stored)
        files = {path: _of_hub(file, contents.get(path)) for path, file in stored.items()}
    else:
        contents, files = _of_folder(folder, progress)
    entries = tuple(ledger.entries(hub, repo_id, refs, page=_PAGE))
    raw = contents.get(SIGNATURE_FILE)
    later = [
        Signature(f"ledger {entry.sha[:8]}", hub.read_if_there(repo_id, entry.sha, SIGNATURE_FILE) or b"")
        for entry in entries
        if isinstance(entry.event, Signed) and entry.event.release.sha == sha
    ]
    return Evidence(
        repo_id,
        revision,
        sha,
        refs,
        files,
        contents,
        entries,
        whole_ledger=len(entries) < _PAGE * ledger.MOST_PAGES,
        event_file=_event_file(hub, repo_id, entries, sha),
        signatures=(*([Signature(SIGNATURE_FILE, raw)] if raw is not None else []), *later),
    )


def _small_files(hub: Hub, repo_id: str, sha: str, stored: Mapping[str, StoredFile]) -> dict[str, bytes]:
    """The content of files that git itself keeps: its name for one is a sha1, which the record's sha256 says nothing of.

    Other people may have added any number of files: those are read only where there is a signature, which covers all.
    """
    small = {path for path, file in stored.items() if file.sha256 is None and file.size <= _LARGEST_IN_GIT}
    contents = {path: hub.read(repo_id, sha, path) for path in sorted(small.intersection(_TEXTS))}
    if SIGNATURE_FILE in small:
        wanted = small
    else:
        try:
            record = RunRecord.from_bytes(contents.get(RECORD_FILE, b""))
        except BadDocument:
            return contents
        wanted = small.intersection(entry.path for entry in record.files)
    return contents | {path: hub.read(repo_id, sha, path) for path in sorted(wanted - contents.keys())}


def _of_hub(file: StoredFile, content: bytes | None) -> Seen:
    if content is None:
        return Seen(file.sha256, file.size, read=False)
    return Seen(digest.sha256(content), len(content), read=True, blob=git_blob(content), stored_blob=file.blob)


def _of_folder(folder: Path, progress: Callable[[int, int], object] | None) -> tuple[dict[str, bytes], dict[str, Seen]]:
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    paths = {name: path for name, path in paths.items() if not name.startswith(_HOUSEKEEPING)}
    found = digest.entries(paths, progress=progress)
    contents = {
        name: paths[name].read_bytes()
        for name in _TEXTS
        if name in paths and paths[name].stat().st_size <= _LARGEST_IN_GIT
    }
    return contents, {entry.path: Seen(entry.sha256, entry.size, read=True) for entry in found}


def _event_file(hub: Hub, repo_id: str, entries: tuple[ledger.Entry, ...], sha: str) -> bytes | None:
    for entry in entries:
        if isinstance(entry.event, Published) and entry.event.release.sha == sha:
            return hub.read_if_there(repo_id, entry.sha, EVENT_FILE)
    return None
