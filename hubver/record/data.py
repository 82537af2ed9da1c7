"""The data part: which rows the model saw, by a pin that cannot move.

A dataset of the Hub is pinned by its commit, files by their digests, and rows in memory by `content_digest`, which is
the same in every process and on every machine.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.record.digest import entry, sha256
from hubver.record.schema import DataSource, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PIN = re.compile(r"(?:datasets/)?(?P<id>[\w.-]+/[\w.-]+)@(?P<sha>[0-9a-f]{40})")
# Where `datasets` says what it downloaded, and where it keeps what it prepared: both name the Hub's commit.
_DOWNLOADED = re.compile(r"hf://datasets/(?P<id>[\w.-]+/[\w.-]+)@(?P<sha>[0-9a-f]{40})/")
_PREPARED = re.compile(r"/(?P<owner>[\w.-]+)___(?P<name>[\w.-]+)/[^/]+/[^/]+/(?P<sha>[0-9a-f]{40})/")
_BATCH = 1000


@dataclass(frozen=True)
class Found:
    """Datasets, and what is not known of them."""

    sources: tuple[DataSource, ...]
    gaps: tuple[Gap, ...] = ()


def content_digest(batches: Iterable[Mapping[str, list[Any]]]) -> str:
    """sha256 over the rows in order, each as one line of JSON with sorted columns.

    Args:
        batches: columns of equal length; how the rows are cut into batches does not matter.

    Raises:
        TypeError: a value is no JSON and neither bytes nor a date.
    """
    state = hashlib.sha256()
    for batch in batches:
        columns = sorted(batch)
        for values in zip(*(batch[column] for column in columns), strict=True):
            row = dict(zip(columns, values, strict=True))
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_plain)
            state.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return state.hexdigest()


def describe(dataset: Any, name: str, role: str | None) -> Found:
    """A dataset as the trainer holds it.

    Args:
        dataset: a `datasets.Dataset`; of anything else only what it offers is recorded, and the rest is a gap.
        name: what to call it, where it has no Hub id.
        role: `train`, `eval`, or None for data that was only declared.
    """
    hub_id, sha = _hub_pin(dataset)
    columns = getattr(dataset, "column_names", None)
    source = DataSource(
        name=hub_id or name,
        role=role,
        split=str(dataset.split) if getattr(dataset, "split", None) is not None else None,
        hub_id=hub_id,
        hub_sha=sha,
        rows=_length(dataset),
        columns=tuple(columns) if isinstance(columns, list) else (),
    )
    unpinned = f"data.{name}.content_sha256"
    if source.rows is None:
        return Found((source,), (Gap(field=unpinned, reason="a stream has neither a length nor a digest"),))
    if not hasattr(dataset, "with_format"):
        return Found((source,), (Gap(field=unpinned, reason=f"{type(dataset).__name__} has no columns to digest"),))
    try:
        digest = content_digest(dataset.with_format(None).iter(batch_size=_BATCH))
    except TypeError as error:
        return Found((source,), (Gap(field=unpinned, reason=str(error)),))
    return Found((source.model_copy(update={"content_sha256": digest}),))


def declared(item: Any) -> Found:
    """Data that the user named: a file, a folder, `org/name@COMMIT`, or a dataset.

    Raises:
        BadInput: text that is neither a pin nor a path that exists.
    """
    if not isinstance(item, str | Path):
        return describe(item, "declared", None)
    pin = _PIN.fullmatch(str(item))
    if pin:
        return Found((DataSource(name=pin["id"], hub_id=pin["id"], hub_sha=pin["sha"]),))
    path = Path(item)
    if path.is_file():
        return Found((DataSource(name=path.name, files=(entry(path.name, path),)),))
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        entries = tuple(entry(file.relative_to(path).as_posix(), file) for file in files)
        return Found((DataSource(name=path.resolve().name, files=entries),))
    raise BadInput(
        f"The data {str(item)!r} is not there.",
        expected="a file, a folder, or a dataset pinned as org/name@COMMIT with all 40 digits of the commit",
        hint="A branch such as main can move, so it pins nothing.",
    )


def _hub_pin(dataset: Any) -> tuple[str | None, str | None]:
    info = getattr(dataset, "info", None)
    for address in getattr(info, "download_checksums", None) or {}:
        if found := _DOWNLOADED.match(str(address)):
            return found["id"], found["sha"]
    for file in getattr(dataset, "cache_files", None) or []:
        name = str(file.get("filename", "")) if isinstance(file, dict) else ""
        if found := _PREPARED.search(name):
            return f"{found['owner']}/{found['name']}", found["sha"]
    return None, None


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except TypeError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"sha256": sha256(value)}
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    raise TypeError(f"a column holds {type(value).__name__}, which has no stable form")
