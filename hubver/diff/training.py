"""Whether two runs were trained in another way: settings, adapter, seeds, and how far they got. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubver.diff.changes import changed, known

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubver.diff.changes import Found, Group
    from hubver.record.schema import RunRecord

# Compared in words of their own.
_OWN_WORDS = frozenset(
    {"seed", "data_seed", "full_determinism", "lr_scheduler_type", "bf16", "fp16", "gradient_accumulation_steps"}
)
# What a trainer prints, where it saves, and whom it tells, changes no model.
_BOOKKEEPING = ("log", "disable_tqdm", "report_to", "save_", "hub_", "push_to_hub", "project", "trackio_")
# How it measures itself, and how rows reach it, changes a model only by way of what else is recorded.
_BESIDE = ("eval_", "do_", "per_device_eval_", "dataloader_", "skip_memory_", "ddp_", "include_", "prediction_loss_")
_PEFT_BOOKKEEPING = frozenset({"peft_version", "inference_mode", "auto_mapping", "peft_type", "task_type"})
_DEFAULT = "default"
_MODEL_ARGUMENTS = "model_init_kwargs"


def adapter(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """The shape of the adapter: what PEFT was configured with, and what the tensors say where nobody knows that."""
    if old.weights is not None and new.weights is not None:
        yield from changed("adapter", "kind", old.weights.kind, new.weights.kind, label="weights")
        if old.weights.kind != new.weights.kind:
            return
    before, now = old.training.peft, new.training.peft
    if before is not None and now is not None:
        yield from _mapping("adapter", before, now, _PEFT_BOOKKEEPING, None)
        for field in ("peft_type", "task_type"):
            yield from changed("adapter", field, before.get(field), now.get(field))
    one, other = (record.weights.lora if record.weights else None for record in (old, new))
    if one is None or other is None:
        return
    configured = before is not None and now is not None and (before.get("r") != now.get("r"))
    if not configured:
        yield from changed("adapter", "ranks", list(one.ranks), list(other.ranks), label="ranks of the tensors")
    targeted = before is not None and now is not None and before.get("target_modules") != now.get("target_modules")
    if not targeted:
        yield from changed("adapter", "targets", list(one.targets), list(other.targets), label="targets of the tensors")


def hyperparameters(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """The trainer and its arguments."""
    before, now = old.training, new.training
    yield from known("hyperparameters", "arguments_class", before.arguments_class, now.arguments_class)
    watched = before.arguments_class is not None and now.arguments_class is not None
    if watched:
        yield from _mapping(
            "hyperparameters", before.arguments, now.arguments, _OWN_WORDS | {_MODEL_ARGUMENTS}, _DEFAULT
        )
        yield from _model_arguments(before.arguments, now.arguments)
    # The wrapper's own configuration also says where outputs go; the arguments are what came of it.
    yield from _configuration(before.configuration, now.configuration, watched=watched)
    for field in ("trainer_class", "optimizer", "scheduler", "precision"):
        yield from known("hyperparameters", field, getattr(before, field), getattr(now, field))
    yield from changed(
        "hyperparameters", "quantisation", before.quantisation, now.quantisation, explained_by=("base.id",)
    )
    yield from known(
        "hyperparameters",
        "dtype",
        old.base_model.dtype,
        new.base_model.dtype,
        label="dtype of the base model",
        explained_by=("base.id",),
    )
    yield from known(
        "hyperparameters",
        "gradient_accumulation_steps",
        before.gradient_accumulation_steps,
        now.gradient_accumulation_steps,
    )
    yield from known(
        "hyperparameters",
        "effective_batch_size",
        before.effective_batch_size,
        now.effective_batch_size,
        explained_by=("hyperparameters", "environment.world_size"),
    )


def seeds(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """What decides the random numbers."""
    before, now = old.training.seeds, new.training.seeds
    yield from known("seed", "seed", before.seed, now.seed)
    if before.data_seed != now.data_seed:
        unseen = before.seed is None or now.seed is None
        yield from changed(
            "seed",
            "data_seed",
            "not set" if before.data_seed is None else before.data_seed,
            "not set" if now.data_seed is None else now.data_seed,
            standing="unknown" if unseen else "cause",
        )


def progress(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """How far training got: what other data, another batch or an early end make of it."""
    before, now = old.training, new.training
    by = ("data", "hyperparameters", "environment.world_size", "tokenizer")
    ends = ["the run's end" if part.checkpoint is None else f"step {part.checkpoint.step:,}" for part in (before, now)]
    yield from changed("hyperparameters", "checkpoint", *ends, label="taken at")
    for field in ("steps", "epochs"):
        yield from known(
            "hyperparameters",
            field,
            getattr(before, field),
            getattr(now, field),
            explained_by=(*by, "hyperparameters.steps"),
        )
    for field in ("wrapper_class", "resumed"):
        yield from known("hyperparameters", field, getattr(before, field), getattr(now, field), standing="aside")


def _configuration(
    before: Mapping[str, Any] | None, now: Mapping[str, Any] | None, *, watched: bool
) -> Iterator[Found]:
    one, other = before or {}, now or {}
    for name in sorted({*one, *other}):
        if not name.startswith(_BOOKKEEPING):
            yield from changed(
                "hyperparameters",
                f"configuration.{name}",
                one.get(name, _DEFAULT),
                other.get(name, _DEFAULT),
                standing="aside" if watched else "cause",
            )


def _model_arguments(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Found]:
    """How TRL was told to load the base. Which commit of it that was, the base's own part says."""
    given = (part.get(_MODEL_ARGUMENTS) for part in (before, now))
    one, other = (value if isinstance(value, dict) else {} for value in given)
    for name in sorted({*one, *other}):
        yield from changed(
            "hyperparameters",
            f"{_MODEL_ARGUMENTS}.{name}",
            one.get(name, _DEFAULT),
            other.get(name, _DEFAULT),
            standing="aside" if name in {"revision", "token", "cache_dir"} else "cause",
        )


def _mapping(
    group: Group, before: Mapping[str, Any], now: Mapping[str, Any], without: frozenset[str], absent: str | None
) -> Iterator[Found]:
    for name in sorted({*before, *now} - without):
        # Another release of PEFT writes settings that the one before did not have, off.
        unset = absent is None and not before.get(name) and not now.get(name)
        if not name.startswith(_BOOKKEEPING) and not unset:
            yield from changed(
                group,
                name,
                before.get(name, absent),
                now.get(name, absent),
                standing="aside" if name.startswith(_BESIDE) else "cause",
            )
