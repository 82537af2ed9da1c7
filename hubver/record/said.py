"""What the user says of a run when it is pushed: its data and its base, where the folder does not tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.record.schema import Base, Gap
from hubver.record.sources import data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubver.record.schema import DataSource, RunRecord

_BASE = re.compile(
    r"(?P<id>[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?)(?:@(?P<revision>[\w][\w./-]{0,199}))?"
)


def with_data(record: RunRecord, named: Sequence[str | Path], root: Path | None) -> RunRecord:
    """The record with the data that the user named. What was already known of it is not listed twice, but pinned.

    Args:
        record: what is known.
        named: files, folders, `org/name@COMMIT`.
        root: the code's repository, to which the paths of files in it are relative.

    Raises:
        BadInput: one is neither a path that exists nor a dataset pinned by its commit.
    """
    sources, gaps = list(record.data), list(record.gaps)
    for item in named:
        found = data.declared(item, root)
        gaps += found.gaps
        for source in found.sources:
            open_ones = [number for number, known in enumerate(sources) if _is_pinned_by(known, source)]
            for number in open_ones:
                known = sources[number]
                sources[number] = known.model_copy(update={"hub_sha": source.hub_sha, "files": source.files})
                gaps = [gap for gap in gaps if not f"{gap.field}.".startswith(f"data.{known.name}.")]
            if not open_ones and _pin(source) not in map(_pin, sources):
                sources.append(source)
    if named:
        # Which files the rows came from is what the user has just said.
        gaps = [gap for gap in gaps if gap.field != "data" and not _asks_for_files(gap)]
    return record.model_copy(update={"data": tuple(sources), "gaps": tuple(gaps)})


def _pin(source: DataSource) -> object:
    return source.hub_id, source.hub_sha, source.files


def _is_pinned_by(known: DataSource, named: DataSource) -> bool:
    """Whether what was named is the very dataset that is known without a pin."""
    if known.hub_sha or known.files or known.content_sha256:
        return False
    return known.hub_id == named.hub_id if named.hub_id else known.name == named.name


def with_base(record: RunRecord, named: str | None, resolve_base: Callable[[str, str], str]) -> RunRecord:
    """The record with the base that the user named, as `org/name` or `org/name@REVISION`.

    Args:
        record: what is known.
        named: the user's word, or None.
        resolve_base: asks the Hub for the commit of a base at a revision.

    Raises:
        BadInput: it names no base, or another commit than the run saw.
        HubverError: whatever `resolve_base` raises.
    """
    if named is None:
        return record
    word = _BASE.fullmatch(named)
    if word is None:
        raise BadInput(f"{named!r} names no base model.", expected="org/name, or org/name@REVISION")
    known, base_id, revision = record.base_model, word["id"], word["revision"]
    gaps = [gap for gap in record.gaps if gap.field not in {"base_model.id", "base_model.sha"}]
    if known.id == base_id and known.sha is not None:
        _check_same(known, revision, resolve_base)
        return record
    # A word that the Hub does not know is a slip, and must not become a gap.
    sha = resolve_base(base_id, revision or "main")
    base = known
    if known.id not in {None, base_id}:
        gaps.append(Gap(field="base_model.id", reason=f"named at the push; the run says {known.id}"))
        base = Base(dtype=known.dtype, quantisation=known.quantisation)
    pinned = sha if revision == sha else None
    changed = {"id": base_id, "requested_revision": revision or known.requested_revision, "sha": pinned}
    return record.model_copy(update={"base_model": base.model_copy(update=changed), "gaps": tuple(gaps)})


def _check_same(known: Base, revision: str | None, resolve_base: Callable[[str, str], str]) -> None:
    if revision is None or revision == known.sha:
        return
    sha = resolve_base(str(known.id), revision)
    if sha != known.sha:
        raise BadInput(
            f"The run did not start from {known.id}@{revision}.",
            expected=f"commit {known.sha}, which the run saw",
            found=sha,
            hint="Leave --base out: the record names the base already.",
        )


def _asks_for_files(gap: Gap) -> bool:
    return gap.field.startswith("data.") and gap.field.endswith(".files")
