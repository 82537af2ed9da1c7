"""Compare what a run has made again with what it made the first time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hubver.record.schema import RunRecord
    from hubver.reproduce.closeness import Distance

Grade = Literal["identical", "within tolerance", "different"]
# The version of the library that wrote a configuration is no property of the model.
_VERSIONS = frozenset({"transformers_version", "peft_version"})
_OF_THE_RUN = "run/"


# Measured on the demo's training, 60 steps: other vector units move the update by 0.0002, another seed by 1.27, the same data
# without one queue by 1.19. So it lies far from both.
NEAR = 0.05


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
        grade: `identical`: every file has the recorded bytes. `within tolerance`: the weights are at most `NEAR` apart by
            `hubver.reproduce.closeness`, and no other file differs in more than a library's version. `different`: anything
            else.
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
    published: Callable[[str], bytes],
    measure: Callable[[], Distance],
) -> Comparison:
    """Compare two runs' files.

    Args:
        recorded: of the published run.
        produced: of the run that was just made, as it would be published.
        made: the content of its files.
        published: reads a file of the published run; called only for those that differ and are no weights.
        measure: finds the distance of the weights; called only where they differ.
    """
    files = _files(recorded, produced)
    differing = [file for file in files if not file.same]
    if not differing:
        return Comparison("identical", files, None)
    weights = [file for file in differing if file.path.endswith(".safetensors")]
    apart = measure() if weights else None
    near = apart is None or (apart.error is not None and apart.error <= NEAR)
    near &= all(file in weights or _same_but_version(file, made, published) for file in differing)
    return Comparison("within tolerance" if near else "different", files, apart)


def _files(recorded: RunRecord, produced: RunRecord) -> tuple[FileCompared, ...]:
    """Without what a run leaves about itself, such as its code's uncommitted changes: those are no part of the model."""
    was, now = (
        {entry.path: entry.sha256 for entry in record.files if not entry.path.startswith(_OF_THE_RUN)}
        for record in (recorded, produced)
    )
    return tuple(FileCompared(path, was.get(path), now.get(path)) for path in sorted({*was, *now}))


def _same_but_version(file: FileCompared, made: Mapping[str, Path | bytes], published: Callable[[str], bytes]) -> bool:
    """Whether a configuration differs in nothing but the version of the library that wrote it."""
    if file.recorded is None or file.produced is None:
        return False
    ours = made[file.path]
    try:
        contents = (published(file.path), ours if isinstance(ours, bytes) else ours.read_bytes())
        one, other = ({**json.loads(content), **dict.fromkeys(_VERSIONS)} for content in contents)
    except (ValueError, TypeError, RecursionError):
        return False
    return one == other
