"""What a record needs that takes reading: the weights of a local base, the rows and files of the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hubver.record.schema import Gap
from hubver.record.sources import base_model, data, data_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.record.observe.notes import Notes
    from hubver.record.schema import Base, DataSource

# What a record says of itself until it is read.
PENDING_BASE = Gap(field="base_model.weights_sha256", reason="its files were still being read")
PENDING_DATA = Gap(field="data", reason="it was still being read")


@dataclass(frozen=True)
class Reading:
    """What is still to be read.

    Attributes:
        settled: the base, and where its files are.
        datasets: role, name and dataset of each that the trainer holds.
        declared: the data that the user named.
        root: the code's repository, to which paths are relative.
        directory: the working directory when the run began.
        argv: the arguments of the command line.
        script: the file that runs.
    """

    settled: base_model.Settled
    datasets: tuple[tuple[str, str, Any], ...]
    declared: tuple[Any, ...]
    root: Path | None
    directory: Path
    argv: tuple[str, ...]
    script: Path | None

    def base(self) -> Base:
        """The base with the digests of its files.

        Raises:
            OSError: they cannot be read.
        """
        settled = self.settled
        return base_model.digested(settled.base, settled.folder) if settled.folder else settled.base

    def data(self, notes: Notes) -> tuple[DataSource, ...]:
        """All data with its digests; what cannot be read is in the notes, and keeps what is known without reading."""
        unread: tuple[Path, ...] = ()
        near = notes.ask("data", lambda: data_files.candidates(self.argv, self.script, self.directory), unread)
        sources: list[DataSource] = []
        for role, name, dataset in self.datasets:
            sketched = notes.ask("data", partial(_sketched, dataset, name, role), data.Found(()))
            describe = partial(data.describe, dataset, name, role, self.root, near)
            sources += _kept(notes.ask(f"data.{name}", describe, sketched), notes)
        if self.declared:
            # Which files the rows came from is what the user has said.
            notes.gaps = [gap for gap in notes.gaps if not gap.field.endswith(".files")]
        seen = {file.sha256 for source in sources for file in source.files}
        for item in self.declared:
            declare: Callable[[], data.Found] = partial(data.declared, item, self.root)
            said = _kept(notes.ask("data", declare, data.Found(())), notes)
            # What the trainer was seen to read from these very files is in the record already.
            sources += (one for one in said if not one.files or any(file.sha256 not in seen for file in one.files))
        return tuple(sources)


def _sketched(dataset: Any, name: str, role: str) -> data.Found:
    return data.Found((data.sketch(dataset, name, role),))


def _kept(found: data.Found, notes: Notes) -> tuple[DataSource, ...]:
    notes.gaps += found.gaps
    return found.sources
