"""Whether two runs saw other data. Pure.

What a trainer holds is what tokenizing, packing and shuffling made of the data, so that its digest changes with the
tokenizer, too. What lies behind it is known where it is pinned: by a commit of a dataset on the Hub, or by files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.diff.changes import Change, Found, short, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hubver.diff.changes import Standing
    from hubver.record.schema import DataSource, RunRecord

    _Key = tuple[str | None, str]

# Arguments of transformers' and TRL's trainers that shape the rows before the first step.
_SHAPING = (
    "max_length",
    "max_seq_length",
    "max_prompt_length",
    "max_completion_length",
    "packing",
    "packing_strategy",
    "dataset_text_field",
    "dataset_kwargs",
    "completion_only_loss",
    "assistant_only_loss",
    "chat_template_path",
    "eos_token",
    "pad_token",
    "truncation_mode",
)
_MADE_BY = frozenset({"tokenizer", "seed", "code", "base.id", *(f"hyperparameters.{name}" for name in _SHAPING)})


def sources(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """The differences of the data."""
    before, now = _by_key(old), _by_key(new)
    pinned_alike = _pins(before) == _pins(now) and bool(_pins(before))
    seen_alike = _seen(before) == _seen(now) and bool(_seen(before))
    packed = any(record.training.arguments.get("packing") for record in (old, new))
    for key in dict.fromkeys((*before, *now)):
        one, other = before.get(key), now.get(key)
        # What was only declared has no bearing where the rows that the trainer saw are the same, one for one.
        standing: Standing = "aside" if key[0] is None and seen_alike else "cause"
        name = key[1]
        if one is None or other is None:
            what = "added" if one is None else "removed"
            yield Found(Change("data", name, _rows(one), _rows(other), f"data {name} {what}", standing))
        elif found := _other(one, other):
            sentence = f"data {name}: {', '.join(found)}"
            shaped = pinned_alike and (packed or one.rows == other.rows) and _only_content(one, other)
            change = Change("data", name, _pin(one), _pin(other), sentence, standing)
            yield Found(change, _MADE_BY if shaped else frozenset())


def _by_key(record: RunRecord) -> dict[_Key, DataSource]:
    return {(source.role, source.name): source for source in record.data}


def _pins(sources: Mapping[_Key, DataSource]) -> list[tuple[object, ...]]:
    """What lies behind the rows: commits and files, whoever named them."""
    found = {
        (source.hub_id, source.hub_sha, source.config, source.split, source.files)
        for source in sources.values()
        if source.hub_sha is not None or source.files
    }
    return sorted(found, key=repr)


def _seen(sources: Mapping[_Key, DataSource]) -> dict[_Key, str] | None:
    """The digests of the rows that the trainer saw; None where it is not known of all."""
    held = {key: source.content_sha256 for key, source in sources.items() if key[0] is not None}
    return {key: value for key, value in held.items() if value} if all(held.values()) else None


def _only_content(one: DataSource, other: DataSource) -> bool:
    return (one.hub_id, one.hub_sha, one.config, one.split, one.files) == (
        other.hub_id,
        other.hub_sha,
        other.config,
        other.split,
        other.files,
    )


def _other(one: DataSource, other: DataSource) -> list[str]:
    found = []
    if one.rows != other.rows:
        found.append(f"{_count(one.rows)} → {_count(other.rows)}")
    if one.hub_sha != other.hub_sha:
        found.append(f"commit {show(short(one.hub_sha))} → {show(short(other.hub_sha))}")
    found += [
        f"{field} {show(getattr(one, field))} → {show(getattr(other, field))}"
        for field in ("config", "split")
        if getattr(one, field) != getattr(other, field)
    ]
    if one.columns != other.columns:
        found.append(f"columns {_listed(one.columns)} → {_listed(other.columns)}")
    if (one.content_sha256, one.files) != (other.content_sha256, other.files):
        found.append("other content")
    return found


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(columns) or "none"


def _rows(source: DataSource | None) -> int | None:
    return source.rows if source else None


def _pin(source: DataSource) -> str | None:
    return source.hub_sha or source.content_sha256 or (source.files[0].sha256 if source.files else None)


def _count(rows: int | None) -> str:
    return "unknown rows" if rows is None else f"{rows:,} row{'' if rows == 1 else 's'}"
