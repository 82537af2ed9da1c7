"""Compare what a run has made again with what it made the first time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubver.reproduce.tensors import Distance, distance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hubver.record.schema import RunRecord

Grade = Literal["identical", "within tolerance", "different"]
# The version of the library that wrote a configuration is no property of the model.
_VERSIONS = frozenset({"transformers_version", "peft_version"})
_OF_THE_RUN = "run/"


@dataclass(frozen=True)
class Tolerance:
    """What counts as the same model where the bytes differ.

    Attributes:
        cosine: at least this, of all weights as one vector.
        max_abs: at most this far apart is any number from its counterpart.
    """

    cosine: float = 0.999
    max_abs: float = 0.01


@dataclass(frozen=True)
class FileCompared:
    """One published file: its sha256 as recorded, and as made again; None where there is none."""

    path: str
    recorded: str | None
    produced: str | None

    @property
    def same(self) -> bool:
        """Whether both are there, with the same bytes."""
        return self.recorded == self.produced


@dataclass(frozen=True)
class Comparison:
    """The answer.

    Attributes:
        grade: `identical`: every file has the recorded bytes. `within tolerance`: the weights are as near as was asked,
            and no other file differs in more than a library's version. `different`: anything else.
        files: every file that was published, and every one that would be now.
        distance: of the weights; None where all have the same bytes.
    """

    grade: Grade
    files: tuple[FileCompared, ...]
    distance: Distance | None


def compare(
    recorded: RunRecord,
    produced: RunRecord,
    made: Mapping[str, Path | bytes],
    published: Callable[[list[str]], Mapping[str, Path]],
    tolerance: Tolerance,
) -> Comparison:
    """Compare two runs' files.

    Args:
        recorded: of the published run.
        produced: of the run that was just made, as it would be published.
        made: the content of its files.
        published: fetches files of the published run; called only for those that differ, and not at all where none does.
        tolerance: what is near enough.
    """
    files = _files(recorded, produced)
    differing = [file.path for file in files if not file.same]
    if not differing:
        return Comparison("identical", files, None)
    if any(file.recorded is None or file.produced is None for file in files):
        return Comparison("different", files, None)
    weights = [file.path for file in files if file.path.endswith(".safetensors")]
    needed = weights if set(weights) & set(differing) else []
    theirs = published([*needed, *(path for path in differing if path not in needed)])
    apart = (
        distance({path: theirs[path] for path in needed}, {path: _file(made[path]) for path in needed})
        if needed
        else None
    )
    others = (path for path in differing if path not in weights)
    near = (apart is None or _is_near(apart, tolerance)) and all(_same_but_version(theirs[p], made[p]) for p in others)
    return Comparison("within tolerance" if near else "different", files, apart)


def _files(recorded: RunRecord, produced: RunRecord) -> tuple[FileCompared, ...]:
    """Without what a run leaves about itself, such as its code's uncommitted changes: those are no part of the model."""
    was, now = (
        {entry.path: entry.sha256 for entry in record.files if not entry.path.startswith(_OF_THE_RUN)}
        for record in (recorded, produced)
    )
    return tuple(FileCompared(path, was.get(path), now.get(path)) for path in sorted({*was, *now}))


def _is_near(apart: Distance, tolerance: Tolerance) -> bool:
    if apart.only_one_has or apart.cosine is None or apart.max_abs is None:
        return False
    return apart.cosine >= tolerance.cosine and apart.max_abs <= tolerance.max_abs


def _same_but_version(theirs: Path, ours: Path | bytes) -> bool:
    try:
        one, other = (json.loads(content) for content in (theirs.read_bytes(), _content(ours)))
        return {**one, **dict.fromkeys(_VERSIONS)} == {**other, **dict.fromkeys(_VERSIONS)}
    except (ValueError, TypeError, RecursionError):
        return False


def _content(ours: Path | bytes) -> bytes:
    return ours if isinstance(ours, bytes) else ours.read_bytes()


def _file(ours: Path | bytes) -> Path:
    """Weights are never made in memory."""
    assert not isinstance(ours, bytes)  # noqa: S101  # for the type checker; see the docstring
    return ours
