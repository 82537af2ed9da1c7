"""Turn an output folder, and the draft its run left there, into the record and the files to publish.

Imports neither torch nor transformers: `hubver push` on a folder must start at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.documents import canonical_json
from hubver.errors import BadInput
from hubver.record import digest, found, said
from hubver.record.draft import RUN_FILE, find
from hubver.record.folder import adapter, remote_code, tokenizer, weights
from hubver.record.folder.files import ADAPTER_CONFIG, LeftOut, Selection, is_tokenizer_file, select
from hubver.record.folder.tensor_scan import Seen, TensorScan, check_numbers, doubts
from hubver.record.frameworks import detect
from hubver.record.hints import hints_for
from hubver.record.place import code, environment, git
from hubver.record.schema import Base, FileEntry, Gap, RunRecord, Training, Weights
from hubver.record.scrub import scrub
from hubver.record.sources import base_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["RUN_FILE", "Capture", "complete"]

# File systems round times; older by less than this is not older.
_CLOCK_SLACK = timedelta(seconds=2)
# Every later push reads the record, and the Hub takes files of git itself only up to 10 MiB.
_LARGEST_RECORD = 8 << 20


@dataclass(frozen=True)
class Capture:
    """What to publish.

    Attributes:
        record: the whole record; its `files` are the digests of `files`.
        files: the content by path in the repo, without `README.md` and `hubver.json`.
        left_out: what stays home, and why.
        hints: what the user can do for a fuller record, a sentence each.
    """

    record: RunRecord
    files: Mapping[str, Path | bytes]
    left_out: tuple[LeftOut, ...]
    hints: tuple[str, ...] = ()


def complete(
    folder: Path,
    *,
    repo_id: str,
    version: str | None,
    message: str | None,
    resolve_base: Callable[[str, str], str],
    now: datetime,
    data: Sequence[str | Path] = (),
    base: str | None = None,
    hashed: Callable[[int, int], object] | None = None,
) -> Capture:
    """Complete the record of a run.

    Args:
        folder: what `save_model()` wrote, with or without a draft beside it.
        repo_id: where it will be published.
        version: as which version, such as `v1.2.0`; None where that is not decided yet.
        message: why, in the user's words.
        resolve_base: asks the Hub for the commit of a base model at a revision; called at most twice, and not at all
            where the run knew the commit.
        now: the time, aware of its zone.
        data: what the run was trained on, in the user's words: files, folders, `org/name@COMMIT`.
        base: the base model in the user's words: `org/name` or `org/name@REVISION`.
        hashed: told how many bytes of the files have been hashed, and of how many.

    Raises:
        BadInput: the folder holds nothing that can be published, a file in it is broken, `data` or `base` is
            wrong, or the record is larger than 8 MiB.
        Unsafe: it holds something that must not be published.
        BadDocument: the draft cannot be read.
        HubverError: whatever `resolve_base` raises, except a `NotFound` of what the run says, which becomes a
            gap.
    """
    selection = select(folder)
    adapted = selection.kind == "adapter"
    name = ADAPTER_CONFIG if adapted else "config.json"
    config = adapter.read_config(selection.files[name].read_bytes(), name)
    left, tools = find(folder), detect.look(folder, config)
    draft = left or found.of_folder(folder, config, adapted=adapted, tools=tools, now=now)
    known = _told(draft.record, tools, data, base, resolve_base)
    known, diff = scrub(known, draft.diff, environment.secrets())
    settled = base_model.settle(known.base_model, resolve_base)
    files = _contents(selection, settled.base, diff)
    entries, seen = _read(selection, files, hashed)
    modules = remote_code.modules_of(selection.files)
    published = {path: selection.files[path] for path in selection.weights}
    summary = weights.summarise(selection.kind, published, config if adapted else None)
    summary = summary.model_copy(update={"remote_code": modules})
    asked = {"repo_id": repo_id, "version": version, "message": message}
    record = _described(known, selection, settled, summary, entries=entries, seen=seen).model_copy(update=asked)
    _check_size(record)
    hints = (
        *(f"Look at the weights: {doubt}." for doubt in doubts(seen)),
        *remote_code.hints(modules),
        *hints_for(folder, left=left is not None, base=settled.base, config=config if adapted else None),
    )
    return Capture(record, files, selection.left_out, hints)


def _told(
    record: RunRecord,
    tools: detect.Seen,
    data: Sequence[str | Path],
    base: str | None,
    resolve_base: Callable[[str, str], str],
) -> RunRecord:
    """The record with what the user says of the run, and what the tool that ran it left."""
    top = git.text(Path.cwd(), "rev-parse", "--show-toplevel")
    record = said.with_data(record, data, Path(top) if top else None)
    record = said.with_base(record, base, resolve_base)
    return record.model_copy(update={"training": _with_tool(record.training, tools)})


def _read(
    selection: Selection, files: Mapping[str, Path | bytes], hashed: Callable[[int, int], object] | None
) -> tuple[tuple[FileEntry, ...], dict[str, Seen]]:
    """Read every byte once: digests of what travels, and what the numbers of the weights are.

    Raises:
        BadInput: the weights compute nothing.
    """
    scans = {path: TensorScan.of(path, selection.files[path]) for path in selection.weights}
    entries = digest.entries(files, progress=hashed, also={path: scan.update for path, scan in scans.items()})
    seen = {path: scan.finish() for path, scan in scans.items()}
    check_numbers(seen)
    return entries, seen


def _described(
    known: RunRecord,
    selection: Selection,
    settled: base_model.Settled,
    summary: Weights,
    *,
    entries: tuple[FileEntry, ...],
    seen: Mapping[str, Seen],
) -> RunRecord:
    """The record with what the files are: base, tokenizer, weights, digests, and what is not known of them."""
    tokenizer_part, tokenizer_gaps = tokenizer.from_files(
        {path: selection.files[path] for path in selection.tokenizer},
        [item for item in entries if is_tokenizer_file(item.path)],
        known.tokenizer,
    )
    gaps = [
        *(*known.gaps, *settled.gaps, *tokenizer_gaps),
        *_older(selection, known.training.started),
        *(Gap(field="weights", reason=doubt) for doubt in doubts(seen)),
        *weights.unlisted(summary),
    ]
    return known.model_copy(
        update={
            "run_id": known.run_id or _files_id(selection, entries),
            "base_model": settled.base,
            "tokenizer": tokenizer_part,
            "weights": summary,
            "files": entries,
            "gaps": _distinct(gaps),
        }
    )


def _with_tool(training: Training, tools: detect.Seen) -> Training:
    """What the callback cannot see of the tool that ran the trainer."""
    told = {name: tools.training.get(name) for name in ("framework", "configuration")}
    return training.model_copy(update={name: value for name, value in told.items() if not getattr(training, name)})


def _contents(selection: Selection, base: Base, diff: bytes | None) -> dict[str, Path | bytes]:
    files: dict[str, Path | bytes] = dict(selection.files)
    if selection.kind == "adapter":
        raw = selection.files[ADAPTER_CONFIG].read_bytes()
        files[ADAPTER_CONFIG] = adapter.normalised_config(raw, base.id, base.sha)
    if diff is not None:
        files[code.DIFF_PATH] = diff
    return dict(sorted(files.items()))


def _files_id(selection: Selection, entries: Iterable[FileEntry]) -> str:
    """Names a run by its files as they lie in the folder, so that the same untouched folder is the same run.

    The adapter's configuration counts as it was saved: what is published of it also depends on the base's commit.
    """
    digests = {item.path: item.sha256 for item in entries if item.path in selection.files}
    if ADAPTER_CONFIG in selection.files:
        digests[ADAPTER_CONFIG] = digest.entry(ADAPTER_CONFIG, selection.files[ADAPTER_CONFIG]).sha256
    listing = "".join(f"{path}\0{value}\n" for path, value in sorted(digests.items()))
    return f"files-{hashlib.sha256(listing.encode()).hexdigest()[:20]}"


def _older(selection: Selection, started: datetime | None) -> list[Gap]:
    """Weights that were there before the run began are not what it made."""
    if started is None:
        return []
    times = [datetime.fromtimestamp(selection.files[path].stat().st_mtime, timezone.utc) for path in selection.weights]
    if all(time >= started - _CLOCK_SLACK for time in times):
        return []
    return [Gap(field="weights", reason="a file is older than the run whose draft lies beside it")]


def _check_size(record: RunRecord) -> None:
    size = len(record.to_bytes())
    if size <= _LARGEST_RECORD:
        return
    parts = {name: len(canonical_json({name: value})) for name, value in record.model_dump(mode="json").items()}
    largest = max(parts, key=lambda name: parts[name])
    raise BadInput(
        "The record of this run is too large to publish.",
        expected=f"at most {_LARGEST_RECORD:,} bytes",
        found=f"{size:,} bytes, of which {largest} has {parts[largest]:,}",
        hint=f"Look what fills {largest}, in the folder's configurations and in {RUN_FILE}, and make it shorter.",
    )


def _distinct(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    return tuple(sorted(dict.fromkeys(gaps), key=lambda gap: (gap.field, gap.reason)))
