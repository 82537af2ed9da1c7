"""The data part: which rows the model saw, by a pin that cannot move.

A dataset of the Hub is pinned by its commit, files by their digests, and rows in memory by their content (see
`hubver.record.sources.content`). `sketch` and `sketch_declared` read no rows and no files, so that a training need not wait for
them; `describe` and `declared` read everything once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.record.digest import entry, sha256
from hubver.record.place.paths import relative
from hubver.record.schema import DataSource, FileEntry, Gap
from hubver.record.sources import content, data_files

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIN = re.compile(r"(?:datasets/)?(?P<id>[\w.-]+/[\w.-]+)@(?P<sha>[0-9a-f]{40})")
# Where `datasets` says what it downloaded, and where it keeps what it prepared: both name the Hub's commit.
_DOWNLOADED = re.compile(r"hf://datasets/(?P<id>[\w.-]+/[\w.-]+)@(?P<sha>[0-9a-f]{40})/")
_PREPARED = re.compile(r"/(?P<owner>[\w.-]+)___(?P<name>[\w.-]+)/[^/]+/[^/]+/(?P<sha>[0-9a-f]{40})/")

# An entry takes about 200 bytes of the record, which has 8 MiB.
_LISTED = 5_000


@dataclass(frozen=True)
class Found:
    """Datasets, and what is not known of them."""

    sources: tuple[DataSource, ...]
    gaps: tuple[Gap, ...] = ()


def sketch(dataset: Any, name: str, role: str | None) -> DataSource:
    """A dataset as the trainer holds it, without any digest.

    Args:
        dataset: a `datasets.Dataset` or `IterableDataset`; of anything else only what it offers.
        name: what to call it, where it has no Hub id.
        role: `train`, `eval`, or None for data that was only declared.
    """
    hub_id, sha = _hub_pin(dataset)
    columns = getattr(dataset, "column_names", None)
    rows = _length(dataset)
    split = getattr(dataset, "split", None)
    config = getattr(getattr(dataset, "info", None), "config_name", None)
    return DataSource(
        name=hub_id or name,
        role=role,
        split=str(split) if split is not None else None,
        config=str(config) if hub_id and config else None,
        hub_id=hub_id,
        hub_sha=sha,
        rows=rows,
        columns=tuple(columns) if isinstance(columns, list) else (),
        streaming=rows is None,
    )


def describe(
    dataset: Any, name: str, role: str | None, root: Path | None = None, candidates: Sequence[Path] = ()
) -> Found:
    """A dataset as the trainer holds it, with its digests.

    Args:
        dataset: as of `sketch`; a list of rows that are dicts has the digest of the `Dataset` with the same values.
            Rows of other objects are never asked for: that could run the user's code, and draw random numbers.
        name: as of `sketch`.
        role: as of `sketch`.
        root: the code's repository, to which the paths of local files are relative.
        candidates: files that the dataset may have been read from (see `data_files.of_dataset`).
    """
    source = sketch(dataset, name, role)
    gaps: list[Gap] = []
    if source.hub_id is None:
        files, reason = data_files.of_dataset(dataset, candidates)
        source = source.model_copy(update={"files": tuple(_entry(file, root) for file in files)})
        gaps += [Gap(field=f"data.{name}.files", reason=reason)] if reason else []
    digest, reason = _content(dataset)
    gaps += [Gap(field=f"data.{name}.content_sha256", reason=reason)] if reason else []
    return Found((source.model_copy(update={"content_sha256": digest}),), tuple(gaps))


def sketch_declared(item: Any) -> DataSource:
    """Data that the user named, without any digest; see `declared`.

    Raises:
        BadInput: text that is neither a pin nor a path that exists.
    """
    if not isinstance(item, str | Path):
        return sketch(item, "declared", None)
    pin = _PIN.fullmatch(str(item))
    if pin:
        return DataSource(name=pin["id"], hub_id=pin["id"], hub_sha=pin["sha"])
    if not Path(item).exists():
        raise BadInput(
            f"The data {str(item)!r} is not there.",
            expected="a file, a folder, or a dataset pinned as org/name@COMMIT with all 40 digits of the commit",
            hint="A branch such as main can move, so it pins nothing.",
        )
    return DataSource(name=Path(item).resolve().name)


def declared(item: Any, root: Path | None = None) -> Found:
    """Data that the user named: a file, a folder, `org/name@COMMIT`, or a dataset.

    Args:
        item: what the user said.
        root: the code's repository, to which the paths of files in it are relative. Those of others begin with the name
            of the file or folder.

    Raises:
        BadInput: text that is neither a pin nor a path that exists.
    """
    source = sketch_declared(item)
    if not isinstance(item, str | Path):
        return describe(item, "declared", None, root)
    if source.hub_id:
        return Found((source,))
    path = Path(item).resolve()
    if path.is_file():
        return Found((source.model_copy(update={"files": (_entry(path, root),)}),))
    files = sorted(file for file in path.rglob("*") if file.is_file())
    top = root if root and path.is_relative_to(root) else path
    return _listed(source, tuple(_entry(file, top) for file in files))


def _listed(source: DataSource, files: tuple[FileEntry, ...]) -> Found:
    """A folder by its files; one with too many for a record by the digest of their list."""
    if len(files) <= _LISTED:
        return Found((source.model_copy(update={"files": files}),))
    listing = "".join(f"{file.path}\0{file.sha256}\n" for file in files)
    reason = f"{len(files):,} files are too many to list; content_sha256 is of their names and digests"
    gap = Gap(field=f"data.{source.name}.files", reason=reason)
    digest = sha256(listing.encode("utf-8", "surrogateescape"))
    return Found((source.model_copy(update={"content_sha256": digest}),), (gap,))


def _entry(file: Path, root: Path | None) -> FileEntry:
    inside = relative(file, root) if root else None
    return entry(inside or file.name, file)


def _content(dataset: Any) -> tuple[str | None, str | None]:
    """The digest of the rows, or why there is none."""
    if _length(dataset) is None:
        return None, "a stream has neither a length nor a digest"
    arrow = hasattr(dataset, "with_format") and hasattr(dataset, "features")
    if not arrow and not isinstance(dataset, list | tuple):
        return None, f"{type(dataset).__name__} has no columns to digest"
    try:
        return (content.dataset_digest if arrow else content.rows_digest)(dataset), None
    except TypeError as error:
        return None, str(error)


def _hub_pin(dataset: Any) -> tuple[str | None, str | None]:
    for address in data_files.addresses(dataset):
        if found := _DOWNLOADED.match(address):
            return found["id"], found["sha"]
    for file in data_files.cached(dataset):
        if found := _PREPARED.search(file):
            return f"{found['owner']}/{found['name']}", found["sha"]
    return None, None


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except TypeError:
        return None
