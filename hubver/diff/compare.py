"""Every difference between two runs, grouped, in sentences: the base, the data, the settings, the code, the place. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hubver.diff import data, place, training
from hubver.diff.changes import Change, Found, changed, digest, known, settled, short, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.diff.changes import Standing
    from hubver.record.schema import Base, RunRecord


def compare(old: RunRecord | None, new: RunRecord) -> tuple[Change, ...]:
    """The changes from one run to another, grouped; none for a first release.

    Each says what it stands for (`Change.standing`): a longer dataset makes for more steps, which then are no factor of
    their own; nor is the vocabulary of another base, or what the trainer's tokenised rows look like after another
    tokenizer has been at them.
    """
    if old is None:
        return ()
    changes = settled(
        [
            *_base(old, new),
            *_tokenizer(old, new),
            *training.adapter(old, new),
            *training.seeds(old, new),
            *place.code(old, new),
            *place.environment(old, new),
            *training.hyperparameters(old, new),
            *data.sources(old, new),
            *training.progress(old, new),
            *_weights(old, new),
            *_metrics(old, new),
        ]
    )
    unseen = _unseen(old) | _unseen(new)
    return tuple(
        replace(change, standing="unknown") if change.standing == "cause" and change.group in unseen else change
        for change in changes
    )


def _unseen(record: RunRecord) -> set[str]:
    """Parts that a run without hubver's callback left to the push, which saw another moment, or did not see them."""
    return {gap.field for gap in record.gaps} & {"code", "environment", "data"}


def _base(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    before, now = old.base_model, new.base_model
    same = _same_bytes(before, now)
    one_is_local = (before.id is None) != (now.id is None)
    standing: Standing = "aside" if same and one_is_local else "cause"
    yield from known("base", "id", before.id, now.id, label="base model", standing=standing)
    what = "base model's commit (same configuration and weights)" if same else "base model's commit"
    standing = "aside" if same and None in {before.sha, now.sha} else "cause"
    yield from known("base", "sha", short(before.sha), short(now.sha), label=what, standing=standing)
    if before.sha is None or now.sha is None:
        for field, name in (("config_sha256", "config.json"), ("weights_sha256", "weights")):
            one, other = getattr(before, field), getattr(now, field)
            if one is not None and other is not None:
                yield from digest("base", field, one, other, f"base model's {name}")


def _same_bytes(one: Base, other: Base) -> bool:
    """Whether both bases are known to be one model. The digest of a shard index says nothing of the shards."""
    pairs = ((one.config_sha256, other.config_sha256), (one.weights_sha256, other.weights_sha256))
    whole = not any((base.weights_file or "").endswith(".json") for base in (one, other))
    return whole and all(pair[0] is not None and pair[0] == pair[1] for pair in pairs)


def _tokenizer(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """Another base brings its own tokenizer; another commit of the same base need not."""
    before, now = old.tokenizer, new.tokenizer
    by = ("base.id",)
    for field, label in (
        ("tokenizer_class", None),
        ("vocab_size", "vocabulary"),
        ("padding_side", None),
        ("model_max_length", None),
    ):
        yield from known("tokenizer", field, getattr(before, field), getattr(now, field), label=label, explained_by=by)
    for name in sorted({*before.special_tokens, *now.special_tokens}):
        one, other = before.special_tokens.get(name, "none"), now.special_tokens.get(name, "none")
        yield from changed("tokenizer", name, one, other, explained_by=by)
    yield from digest(
        "tokenizer",
        "chat_template",
        before.chat_template_sha256,
        now.chat_template_sha256,
        "chat template",
        explained_by=by,
    )
    files, others = ({entry.path: entry.sha256 for entry in part.files} for part in (before, now))
    for path in sorted({*files, *others} - {"chat_template.jinja"}):
        yield from digest("tokenizer", path, files.get(path), others.get(path), path, explained_by=by)


def _weights(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """Whether the published weights are other bytes. They are what comes of a run, never its cause."""
    if old.weights is None or new.weights is None:
        return
    one, other = (
        {entry.path: entry.sha256 for entry in record.files if entry.path.endswith(".safetensors")}
        for record in (old, new)
    )
    if one != other:
        change = Change("weights", "files", None, None, "weights: other content", "consequence")
        yield Found(change)
    before, now = old.weights.parameters, new.weights.parameters
    if before != now:
        sentence = f"published parameters {before:,} → {now:,}"
        yield Found(Change("weights", "parameters", before, now, sentence, "consequence"))


def _metrics(old: RunRecord, new: RunRecord) -> Iterator[Found]:
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
        sentence = f"{name} {show(values[0])} → {show(values[1])}{judged}"
        yield Found(Change("metrics", name, *values, sentence, "consequence"))
