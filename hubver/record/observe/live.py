"""What only the training process knows: read from the trainer's own objects while it runs.

Imports nothing heavy: whoever trains has torch loaded already, and hands its objects in.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from typing import Any

from hubver.record.digest import sha256
from hubver.record.folder import adapter, tokenizer
from hubver.record.plain import class_name, jsonable
from hubver.record.schema import Seeds, Tokenizer, Training
from hubver.record.secrets import redact
from hubver.record.sources import base_model

_SAMPLE = [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]
# Characters. A template that writes more for two short turns holds instructions that its digest stands for.
_LONGEST_SAMPLE = 4000


def base_of(args: Any, model: Any, named: str | None) -> base_model.Settled:
    """The base of a model, with or without an adapter on it; see `base_model.loaded` for `named`."""
    name = getattr(getattr(model, "config", None), "_name_or_path", None) or getattr(model, "name_or_path", None) or ""
    # TRL loads a model that is given by name with these; PEFT's configuration may hold the revision as well.
    given = getattr(args, "model_init_kwargs", None)
    revision = given.get("revision") if isinstance(given, dict) else None
    found = base_model.loaded(name, revision or getattr(_peft_config(model), "revision", None), named)
    dtype = str(getattr(model, "dtype", None) or "").removeprefix("torch.") or None
    known = {"dtype": dtype, "quantisation": _quantisation(model)}
    return replace(found, base=found.base.model_copy(update=known))


def tokenizer_of(processing: Any) -> Tokenizer:
    """The tokenizer, or that of a processor that holds one; nothing is known of a trainer that has none."""
    if processing is None:
        return Tokenizer()
    inner = getattr(processing, "tokenizer", processing)
    template = getattr(processing, "chat_template", None) or getattr(inner, "chat_template", None)
    text = template if isinstance(template, str) else None
    rendered = inner.apply_chat_template(_SAMPLE, tokenize=False) if text else None
    sample = rendered if isinstance(rendered, str) else None
    special = getattr(inner, "special_tokens_map", None) or {}
    return Tokenizer(
        tokenizer_class=type(inner).__name__,
        chat_template_sha256=sha256(text.encode()) if text else None,
        sample=redact(sample) if sample is not None and len(sample) <= _LONGEST_SAMPLE else None,
        sample_sha256=sha256(sample.encode()) if sample is not None else None,
        special_tokens={name: jsonable(value) for name, value in special.items()},
        vocab_size=len(inner) if hasattr(inner, "__len__") else None,
        padding_side=getattr(inner, "padding_side", None),
        model_max_length=tokenizer.limit(getattr(inner, "model_max_length", None)),
    )


def training_of(args: Any, model: Any, trainer: Any, optimizer: Any) -> Training:
    """How the trainer was set up. `trainer` may be None where it could not be found."""
    peft: Any = _peft_config(model)
    accumulation = args.gradient_accumulation_steps
    return Training(
        trainer_class=class_name(trainer) if trainer is not None else None,
        model_class=class_name(_unwrapped(model)),
        arguments_class=class_name(args),
        peft=adapter.described(jsonable(peft.to_dict())) if peft is not None else None,
        optimizer=class_name(getattr(optimizer, "optimizer", optimizer)) if optimizer is not None else None,
        scheduler=_text(args.lr_scheduler_type),
        precision="bf16" if args.bf16 else "fp16" if args.fp16 else "fp32",
        quantisation=_quantisation(model),
        gradient_accumulation_steps=accumulation,
        effective_batch_size=args.train_batch_size * accumulation * args.world_size,
        world_size=args.world_size,
        seeds=_seeds(args),
    )


def wrapping_of(trainer: Any, model: Any) -> str:
    """The class that the model was trained in; known only once training has begun."""
    wrapped = getattr(trainer, "model_wrapped", None)
    return class_name(wrapped if wrapped is not None else model)


def trainer_above() -> Any:
    """The trainer that is calling, or None.

    transformers hands callbacks no trainer, so its class, its data and its wrapped model can only be found on the
    stack, as the `self` of `Trainer.train`.
    """
    trainer_class = getattr(sys.modules.get("transformers"), "Trainer", None)
    frame = inspect.currentframe()
    while frame is not None and trainer_class is not None:
        candidate = frame.f_locals.get("self")
        if isinstance(candidate, trainer_class):
            return candidate
        frame = frame.f_back
    return None


def _seeds(args: Any) -> Seeds:
    import torch

    return Seeds(
        seed=args.seed,
        data_seed=args.data_seed,
        full_determinism=args.full_determinism,
        deterministic_algorithms=torch.are_deterministic_algorithms_enabled(),
        cudnn_benchmark=torch.backends.cudnn.benchmark,
    )


def _quantisation(model: Any) -> dict[str, Any] | None:
    """The configuration that the base was quantised with, as transformers keeps it: an object, or a mapping."""
    found: Any = getattr(getattr(model, "config", None), "quantization_config", None)
    values = found.to_dict() if hasattr(found, "to_dict") else found
    return jsonable(values) if isinstance(values, dict) else None


def _peft_config(model: Any) -> Any:
    configs = getattr(_unwrapped(model), "peft_config", None)
    return next(iter(configs.values()), None) if isinstance(configs, dict) else None


def _unwrapped(model: Any) -> Any:
    return model.module if type(model).__name__ in {"DistributedDataParallel", "DataParallel"} else model


def _text(value: Any) -> str:
    return str(getattr(value, "value", value))
