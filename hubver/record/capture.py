"""Turn an output folder, and the draft its run left there, into the record and the files to publish.

Imports neither torch nor transformers: `hubver push` on a folder must start at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.documents import canonical_json
from hubver.errors import BadInput
from hubver.record import adapter, base_model, code, digest, environment, said, tokenizer, trainer_state, weights
from hubver.record.draft import RUN_FILE, Draft, find
from hubver.record.files import ADAPTER_CONFIG, LeftOut, Selection, is_tokenizer_file, select
from hubver.record.hints import hints_for
from hubver.record.schema import Base, FileEntry, Gap, RunRecord

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
    config = adapter.read_config(selection.files[ADAPTER_CONFIG].read_bytes()) if selection.kind == "adapter" else None
    left = find(folder)
    draft = left or _found(folder, selection, config, now)
    known = said.with_base(said.with_data(draft.record, data), base, resolve_base)
    settled = base_model.settle(known.base_model, resolve_base)
    files = _contents(selection, settled.base, draft.diff)
    entries = digest.entries(files, progress=hashed)
    tokenizer_part, tokenizer_gaps = tokenizer.from_files(
        {path: selection.files[path] for path in selection.tokenizer},
        [item for item in entries if is_tokenizer_file(item.path)],
        known.tokenizer,
    )
    gaps = [*known.gaps, *settled.gaps, *tokenizer_gaps, *_older(selection, known.training.started)]
    record = known.model_copy(
        update={
            "run_id": known.run_id or _files_id(selection, entries),
            "repo_id": repo_id,
            "version": version,
            "message": message,
            "base_model": settled.base,
            "tokenizer": tokenizer_part,
            "weights": weights.summarise(
                selection.kind, {path: selection.files[path] for path in selection.weights}, config
            ),
            "files": entries,
            "gaps": _distinct(gaps),
        }
    )
    _check_size(record)
    hints = hints_for(folder, left=left is not None, base=settled.base, config=config)
    return Capture(record, files, selection.left_out, hints)


def _found(folder: Path, selection: Selection, config: dict[str, Any] | None, now: datetime) -> Draft:
    """What can be found out about a run that left no draft; the rest is gaps."""
    training, gaps = trainer_state.training_of(folder)
    metrics, metric_gaps = trainer_state.metrics_of(training.log_history)
    state = code.of_directory(Path.cwd())
    late, unseen = "captured at push, not at training", f"this folder holds no {RUN_FILE}"
    record = RunRecord(
        run_id="",
        created=now.astimezone(timezone.utc),
        base_model=_named_base(selection, config),
        training=training.model_copy(update={"peft": adapter.described(config) if config else None}),
        # The difference to the commit is of now, so it is no evidence, and would make the same folder another run.
        code=state.code.model_copy(update={"diff_sha256": None}),
        environment=environment.here(),
        metrics=metrics,
        gaps=(
            *gaps,
            *metric_gaps,
            *(gap for gap in state.gaps if gap.field == "code.sha"),
            *(Gap(field=name, reason=unseen) for name in ("data", "training.arguments", "training.seeds.seed")),
            Gap(field="code", reason=late),
            Gap(field="environment", reason=late),
        ),
    )
    return Draft(record, None)


def _named_base(selection: Selection, config: dict[str, Any] | None) -> Base:
    """The base as the saved configuration names it; a path of the machine it was trained on is no name."""
    if config is None:
        config = adapter.read_config(selection.files["config.json"].read_bytes(), "config.json")
        name, revision = config.get("_name_or_path"), None
    else:
        name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(name, str) or not base_model.is_hub_id(name):
        return Base()
    return Base(id=name, requested_revision=revision if isinstance(revision, str) else None)


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
