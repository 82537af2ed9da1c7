"""What changed between two runs, in sentences: the base, the data, the settings, the code, the place, the results.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubver.record.schema import DataSource, RunRecord

Group = Literal["base", "data", "tokenizer", "training", "code", "environment", "metrics"]

# Compared in words of their own, below.
_DERIVED = frozenset(
    {"seed", "data_seed", "full_determinism", "lr_scheduler_type", "bf16", "fp16", "gradient_accumulation_steps"}
)
# What a trainer prints, where it saves, and whom it tells, changes no model.
_BOOKKEEPING = ("log", "disable_tqdm", "report_to", "save_", "hub_", "push_to_hub", "project", "trackio_")
_PEFT_BOOKKEEPING = frozenset({"peft_version", "inference_mode", "auto_mapping"})
_NAMED_PACKAGES = (
    "accelerate",
    "bitsandbytes",
    "datasets",
    "numpy",
    "peft",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
)
_DEFAULT = "default"


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        group: the part of the run it belongs to.
        field: its name within the part.
        old: its value before; None where it was not known.
        new: its value now; None where it is not known.
        sentence: for people, such as `learning_rate 0.005 → 0.001`.
    """

    group: Group
    field: str
    old: Any
    new: Any
    sentence: str


def compare(old: RunRecord | None, new: RunRecord) -> tuple[Change, ...]:
    """The changes from one run to another, grouped; none for a first release."""
    if old is None:
        return ()
    return (
        *_base(old, new),
        *_data(old, new),
        *_tokenizer(old, new),
        *_training(old, new),
        *_code(old, new),
        *_environment(old, new),
        *_metrics(old, new),
    )


def _changed(group: Group, field: str, old: Any, new: Any, *, label: str | None = None) -> Iterator[Change]:
    if old != new:
        yield Change(group, field, old, new, f"{label or field} {_show(old)} → {_show(new)}")


def _digest(group: Group, field: str, old: str | None, new: str | None, what: str) -> Iterator[Change]:
    """Digests say that something differs, not how."""
    if old == new:
        return
    if old is None or new is None:
        sentence = f"{what}: {'none' if old is None else 'one'} → {'none' if new is None else 'one'}"
    else:
        sentence = f"{what}: other content"
    yield Change(group, field, old, new, sentence)


def _base(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before, now = old.base_model, new.base_model
    yield from _changed("base", "id", before.id, now.id, label="base model")
    yield from _changed("base", "sha", _short(before.sha), _short(now.sha), label="base model's commit")
    yield from _changed("base", "dtype", before.dtype, now.dtype, label="base model's dtype")
    if before.sha is None or now.sha is None:
        yield from _digest("base", "config_sha256", before.config_sha256, now.config_sha256, "base model's config.json")
        yield from _digest("base", "weights_sha256", before.weights_sha256, now.weights_sha256, "base model's weights")


def _data(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before = {(source.role, source.name): source for source in old.data}
    now = {(source.role, source.name): source for source in new.data}
    for key in dict.fromkeys((*before, *now)):
        one, other = before.get(key), now.get(key)
        name = key[1]
        if one is None or other is None:
            yield Change("data", name, _rows(one), _rows(other), f"data {name} {'added' if one is None else 'removed'}")
        elif pins := _other_data(one, other):
            sentence = f"data {name}: {', '.join(pins)}"
            yield Change("data", name, _pin(one), _pin(other), sentence)


def _other_data(one: DataSource, other: DataSource) -> list[str]:
    found = []
    if one.rows != other.rows:
        found.append(f"{_count(one.rows)} → {_count(other.rows)}")
    if one.hub_sha != other.hub_sha:
        found.append(f"commit {_show(_short(one.hub_sha))} → {_show(_short(other.hub_sha))}")
    if one.split != other.split:
        found.append(f"split {_show(one.split)} → {_show(other.split)}")
    if one.columns != other.columns:
        found.append(f"columns {_show(list(one.columns))} → {_show(list(other.columns))}")
    if (one.content_sha256, one.files) != (other.content_sha256, other.files):
        found.append("other content")
    return found


def _tokenizer(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before, now = old.tokenizer, new.tokenizer
    yield from _changed("tokenizer", "tokenizer_class", before.tokenizer_class, now.tokenizer_class)
    yield from _changed("tokenizer", "vocab_size", before.vocab_size, now.vocab_size, label="vocabulary")
    for name in sorted({*before.special_tokens, *now.special_tokens}):
        yield from _changed("tokenizer", name, before.special_tokens.get(name), now.special_tokens.get(name))
    yield from _digest(
        "tokenizer", "chat_template", before.chat_template_sha256, now.chat_template_sha256, "chat template"
    )
    one, other = ({entry.path: entry.sha256 for entry in part.files} for part in (before, now))
    for path in sorted({*one, *other} - {"chat_template.jinja"}):
        yield from _digest("tokenizer", path, one.get(path), other.get(path), path)


def _training(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before, now = old.training, new.training
    if before.arguments_class is None or now.arguments_class is None:
        yield from _changed("training", "arguments_class", before.arguments_class, now.arguments_class)
    else:
        yield from _mapping(before.arguments, now.arguments, _DERIVED, _DEFAULT)
    yield from _mapping(before.peft or {}, now.peft or {}, _PEFT_BOOKKEEPING, None)
    for field in (
        "trainer_class",
        "wrapper_class",
        "optimizer",
        "scheduler",
        "precision",
        "quantisation",
        "effective_batch_size",
        "world_size",
        "steps",
    ):
        yield from _changed("training", field, getattr(before, field), getattr(now, field))
    for field in ("seed", "data_seed", "full_determinism", "deterministic_algorithms"):
        yield from _changed("training", field, getattr(before.seeds, field), getattr(now.seeds, field))


def _mapping(
    before: Mapping[str, Any], now: Mapping[str, Any], without: frozenset[str], absent: str | None
) -> Iterator[Change]:
    for name in sorted({*before, *now} - without):
        if not name.startswith(_BOOKKEEPING):
            yield from _changed("training", name, before.get(name, absent), now.get(name, absent))


def _code(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before, now = old.code, new.code
    yield from _changed("code", "remote", before.remote, now.remote, label="code from")
    yield from _changed("code", "sha", _short(before.sha), _short(now.sha), label="code at commit")
    yield from _digest("code", "diff_sha256", before.diff_sha256, now.diff_sha256, "uncommitted changes")
    yield from _changed("code", "entry_point", before.entry_point, now.entry_point, label="script")
    yield from _changed("code", "argv", " ".join(before.argv), " ".join(now.argv), label="command line")


def _environment(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before, now = old.environment, new.environment
    for field in ("accelerator", "accelerator_count", "driver", "cuda", "threads", "cpu_capability", "launcher"):
        yield from _changed("environment", field, getattr(before, field), getattr(now, field))
    for field in ("python", "os", "machine", "container"):
        yield from _changed("environment", field, getattr(before, field), getattr(now, field))
    for name in _NAMED_PACKAGES:
        yield from _changed("environment", name, before.packages.get(name), now.packages.get(name))
    names = {*before.packages, *now.packages} - {*_NAMED_PACKAGES}
    others = sorted(name for name in names if before.packages.get(name) != now.packages.get(name))
    if others:
        one, other = ({name: part.packages.get(name) for name in others} for part in (before, now))
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        count = "1 other package differs" if len(others) == 1 else f"{len(others)} other packages differ"
        yield Change("environment", "packages", one, other, f"{count}: {shown}")


def _metrics(old: RunRecord, new: RunRecord) -> Iterator[Change]:
    before = {(metric.task, metric.name): metric for metric in old.metrics}
    now = {(metric.task, metric.name): metric for metric in new.metrics}
    for key in dict.fromkeys((*before, *now)):
        one, other = before.get(key), now.get(key)
        values = (one.value if one else None, other.value if other else None)
        if values[0] == values[1]:
            continue
        name = f"{key[0]} {key[1]}" if key[0] else key[1]
        higher = other.higher_is_better if other else None
        better = None if None in values or higher is None else (values[1] > values[0]) == higher  # type: ignore[operator]  # neither is None here
        judged = "" if better is None else " (better)" if better else " (worse)"
        yield Change("metrics", name, *values, f"{name} {_show(values[0])} → {_show(values[1])}{judged}")


def _rows(source: DataSource | None) -> int | None:
    return source.rows if source else None


def _pin(source: DataSource) -> str | None:
    return source.hub_sha or source.content_sha256 or (source.files[0].sha256 if source.files else None)


def _count(rows: int | None) -> str:
    return "unknown rows" if rows is None else f"{rows:,} row{'' if rows == 1 else 's'}"


def _short(sha: str | None) -> str | None:
    return sha[:8] if sha else None


def _show(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    text = str(value)
    return (text if len(text) <= 80 else f"{text[:77]}...") or "none"
