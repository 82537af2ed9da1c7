"""What waits to be published, in the hidden folder `.hubver/pending` of a run's output folder.

Each entry is a folder: the files of a model as hard links, the draft of their record, and `.hubver-entry.json`, which says
what is to be done. An entry appears whole or not at all, and only whoever publishes removes it, under a lock. So nothing
is lost or sent twice wherever either side is killed, and the trainer may delete its own copy at once.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from filelock import FileLock, Timeout

from hubver.documents import Document, Part
from hubver.record import draft
from hubver.record.folder.files import belongs
from hubver.versions import Bump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = ".hubver"
_ENTRY = ".hubver-entry.json"
_TEMPLATES = "additional_chat_templates"
# Writing a small file again costs nothing, and then no later run can change it in place.
_COPIED = 1 << 20
# For so long nobody needs to be told that another process is waited for.
_PATIENCE_S = 2.0

Kind = Literal["checkpoint", "best", "final"]
Keep = Literal["newest", "all"]


class Seen(Part):
    """A file as it was when it was set aside: its size in bytes and its time in nanoseconds."""

    path: str
    size: int
    time: int


class Entry(Document):
    """One thing to do.

    Attributes:
        kind: publish a checkpoint, tag the best one, or publish the run's end as a version.
        of_run: the run's id.
        repo_id: where to; null where the user has not said yet.
        step: of the checkpoint.
        keep: whether a newer checkpoint of the run makes this one needless.
        version: as which version, for the run's end; null for the next one.
        bump: which part of the last version to raise; null to let what changed decide.
        message: one line on what is new.
        files: what the entry's folder holds.
    """

    document_name: ClassVar[str] = "waiting entry"

    format: Literal["hubver.pending/1"] = "hubver.pending/1"
    kind: Kind
    of_run: str
    repo_id: str | None = None
    step: int | None = None
    keep: Keep = "all"
    version: str | None = None
    bump: Bump | None = None
    message: str | None = None
    files: tuple[Seen, ...] = ()

    @property
    def name(self) -> str:
        """What to call it in front of people."""
        return {"checkpoint": f"checkpoint-{self.step}", "best": "best checkpoint", "final": "end of the run"}[
            self.kind
        ]


@dataclass(frozen=True)
class Waiting:
    """An entry and its folder."""

    folder: Path
    entry: Entry

    def changed(self) -> list[str]:
        """The files that are no longer as they were set aside: a later run wrote over what a hard link shares."""
        return [seen.path for seen in self.entry.files if _look(self.folder, seen.path) != seen]


class Spool:
    """The waiting entries of one output folder. Nothing is made until something is added.

    Args:
        output: the trainer's output folder.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self._place = output / FOLDER / "pending"

    def add(self, entry: Entry, model: Path | None = None, record: draft.Draft | None = None) -> Waiting:
        """Set something aside, in milliseconds where the file system has hard links.

        Args:
            entry: what is to be done; its `files` are filled in.
            model: the folder whose model it is about.
            record: the draft of its record.

        Raises:
            OSError: the folder cannot be written, or is full; then nothing was added.
        """
        self._place.mkdir(parents=True, exist_ok=True)
        number = max((int(folder.name[:6]) for folder in self._folders()), default=0) + 1
        name = f"{number:06}-{entry.kind}" + (f"-{entry.step}" if entry.step is not None else "")
        made = self._place / f".new-{name}"
        shutil.rmtree(made, ignore_errors=True)
        try:
            made.mkdir()
            for path in _parts(model) if model is not None else ():
                _set_aside(model / path, made / path)  # type: ignore[operator]  # there are parts only of a model
            if record is not None:
                draft.write(made, record)
            held = tuple(_look(made, path) for path in _parts(made))
            entry = entry.model_copy(update={"files": held})
            (made / _ENTRY).write_bytes(entry.to_bytes())
            made.rename(self._place / name)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return Waiting(self._place / name, entry)

    def waiting(self) -> list[Waiting]:
        """The entries, oldest first.

        Raises:
            BadDocument: one cannot be read.
        """
        files = [folder / _ENTRY for folder in self._folders()]
        return [
            Waiting(file.parent, Entry.from_bytes(file.read_bytes(), source=str(file)))
            for file in files
            if file.is_file()
        ]

    def checkpoints(self) -> int:
        """How many entries are about checkpoints."""
        return sum(waiting.entry.kind != "final" for waiting in self.waiting())

    def drop(self, waiting: Waiting) -> None:
        """Forget an entry that has been done. Killed anywhere, it is there whole or not at all."""
        gone = waiting.folder.with_name(f".old-{waiting.folder.name}")
        waiting.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def sweep(self) -> None:
        """Clear away what killed processes left half made or half removed; only while no other process works here."""
        for pattern in (".new-*", ".old-*"):
            for folder in self._place.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def publishing(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Be the one process that publishes from here, once another has ended.

        Args:
            tell: told which process is waited for.

        Raises:
            OSError: the folder cannot be written.
        """
        self._place.mkdir(parents=True, exist_ok=True)
        lock, mine = FileLock(self._place.parent / "publishing.lock"), self._place.parent / "publishing.pid"
        try:
            lock.acquire(timeout=_PATIENCE_S)
        except Timeout:
            other = self.publisher()
            tell(f"waiting for process {other}, which publishes from here already; to end it: kill {other}")
            lock.acquire()
        try:
            mine.write_text(str(os.getpid()), encoding="utf-8")
            yield
        finally:
            mine.unlink(missing_ok=True)
            lock.release()

    def publisher(self) -> int | None:
        """The process that publishes from here now, or was killed while it did."""
        try:
            return int((self._place.parent / "publishing.pid").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _folders(self) -> Iterator[Path]:
        """In the order in which they were added."""
        found = self._place.iterdir() if self._place.is_dir() else ()
        return iter(sorted(folder for folder in found if folder.name[:6].isdecimal() and folder.is_dir()))


def holds_model(folder: Path) -> bool:
    """Whether a checkpoint holds weights that can be published: one in shards of an optimizer's making does not."""
    return any(path.endswith(".safetensors") for path in _parts(folder))


def let_go(folder: Path) -> None:
    """Remove the files of a folder that a waiting entry shares, so that saving there again leaves the entry as it is."""
    for path in _parts(folder):
        if (folder / path).stat().st_nlink > 1:
            (folder / path).unlink()


def _parts(folder: Path) -> list[str]:
    """What belongs to the model, relative to the folder. Links are not followed: they may lead anywhere."""
    found = list(folder.iterdir()) if folder.is_dir() else []
    templates = folder / _TEMPLATES
    found += templates.iterdir() if templates.is_dir() and not templates.is_symlink() else ()
    files = [file for file in found if file.is_file() and not file.is_symlink()]
    return sorted(path for file in files if belongs(path := file.relative_to(folder).as_posix()))


def _set_aside(file: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    if file.stat().st_size > _COPIED:
        try:
            os.link(file, to)
        except OSError:
            pass  # some file systems have no hard links: a copy takes its time, but is as good
        else:
            return
    shutil.copy2(file, to)


def _look(folder: Path, path: str) -> Seen:
    try:
        state = (folder / path).stat()
    except FileNotFoundError:
        return Seen(path=path, size=-1, time=0)
    return Seen(path=path, size=state.st_size, time=state.st_mtime_ns)
