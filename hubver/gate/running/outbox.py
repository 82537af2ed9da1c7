"""Where reports and shards go: each is there whole or not at all, also where two gates write to one folder."""

from __future__ import annotations

import contextlib
import stat
import uuid
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput
from hubver.gate.hearing.scores import SCORES_JSON
from hubver.gate.hearing.shards import MOST_SHARDS, Shard
from hubver.gate.verdict import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST_BYTES = 256 << 20


def clear(folder: Path) -> None:
    """Make a folder ready for reports, before there are any; earlier ones go, so that none is taken for a later one's.

    Raises:
        BadInput: nothing can be written there.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (REPORT_JSON, REPORT_MARKDOWN, REPORT_HTML, SCORES_JSON):
            (folder / name).unlink(missing_ok=True)
        probe = _beside(folder / REPORT_JSON)
        probe.touch()
        probe.unlink()


def put(folder: Path, reports: Mapping[str, bytes]) -> None:
    """Write reports, by file name, in their order; each replaces what has its name in one step.

    Raises:
        BadInput: nothing can be written there.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in reports.items():
            unfinished = _beside(folder / name)
            try:
                unfinished.write_bytes(content)
                unfinished.replace(folder / name)
            finally:
                unfinished.unlink(missing_ok=True)


def shards(folder: Path) -> list[Shard]:
    """The shards that lie in a folder, or below it: a CI job may put each artifact into a folder of its own.

    Raises:
        BadInput: there is no such folder, or more files than shards can be.
        BadDocument: one cannot be read, is no file of its own, or is larger than answers are.
    """
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.", expected="a folder with files such as gate-shard-1-of-4.json")
    files = sorted(folder.rglob("gate-shard-*-of-*.json"))
    if len(files) > MOST_SHARDS:
        raise BadInput(f"There are {len(files)} shards in {folder}.", expected=f"at most {MOST_SHARDS}")
    return [Shard.from_bytes(_content(path), source=path.name) for path in files]


def _content(path: Path) -> bytes:
    """What a shard wrote, where a machine that ran somebody's model may have written whatever it liked."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise BadDocument(f"{path.name} is no file of its own.", expected="no link, folder or device")
    if found.st_size > _MOST_BYTES:
        raise BadDocument(
            f"{path.name} is too large for a shard.",
            expected=f"at most {_MOST_BYTES >> 20} MiB",
            found=f"{found.st_size >> 20} MiB",
            hint="Ask in more shards.",
        )
    return path.read_bytes()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"The reports cannot be written to {folder}: {error.strerror}.", hint="Name another folder with --out DIR"
        ) from error
