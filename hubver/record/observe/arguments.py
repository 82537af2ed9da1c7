"""The trainer's arguments that somebody set: those that differ from what their class makes of none."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import warnings
from dataclasses import dataclass
from typing import Any

from hubver.record.place import environment
from hubver.record.place.paths import portable
from hubver.record.plain import jsonable
from hubver.record.schema import Gap
from hubver.record.secrets import is_secret_name, redact, redact_value

# Where outputs lie, and what goes where, has no bearing on the model.
_UNRELATED = frozenset({"output_dir", "logging_dir", "run_name", "hub_token", "push_to_hub_token"})
# Setting these changes others (`do_eval`, `eval_steps`, `dataloader_pin_memory`), which nobody set then; without
# `use_cpu`, TRL's own defaults are not even valid where there is no GPU.
_DECIDING = ("use_cpu", "eval_strategy", "logging_steps")
# What `TrainingArguments` finds out about its device, and how many processes there are.
_FOUND_OUT = ("_setup_devices", "_n_gpu", "distributed_state")


@dataclass(frozen=True)
class Changed:
    """The arguments, redacted and without the paths of this machine; and what is not known of them."""

    values: dict[str, Any]
    gaps: tuple[Gap, ...]


def changed(args: Any) -> Changed:
    """The arguments that differ from those of an instance that was given none but the output folder.

    Where no such instance can be had, they are compared with the fields' defaults, which also lists what the class
    filled in by itself; that is a gap.
    """
    plain = _field_defaults(args)
    gaps: tuple[Gap, ...] = ()
    try:
        usual = {**_values(_untouched(args)), **{name: plain.get(name) for name in _DECIDING}}
    except Exception as error:  # noqa: BLE001  # a stranger's constructor may raise anything
        reason = f"some may be its class's own: no instance with its defaults: {type(error).__name__}: {error}"
        usual = plain
        gaps = (Gap(field="training.arguments", reason=redact(portable(reason))[:300]),)
    values = {name: value for name, value in _values(args).items() if name not in usual or value != usual[name]}
    redacted: dict[str, Any] = redact_value(values)
    return Changed(redacted, gaps)


def _values(args: Any) -> dict[str, Any]:
    values = args.to_dict()
    found: dict[str, Any] = {}
    for field in dataclasses.fields(args):
        if not field.init or field.name in _UNRELATED or field.name not in values:
            continue
        # to_dict() blanks out every `*_token`, also those of the tokenizer, which are no secrets.
        special = field.name.endswith("_token") and not is_secret_name(field.name)
        found[field.name] = jsonable(getattr(args, field.name) if special else values[field.name])
    if isinstance(accelerator := found.get("accelerator_config"), dict):
        # Setting up the devices takes this one out, so it says only whether they are set up.
        accelerator.pop("use_configured_state", None)
    return found


def _field_defaults(args: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for field in dataclasses.fields(args):
        if field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = jsonable(field.default_factory())
        elif field.default is not dataclasses.MISSING:
            defaults[field.name] = jsonable(field.default)
    return defaults


def _untouched(args: Any) -> Any:
    """A second instance with the class's own defaults, made without touching anything that the run depends on.

    Making one usually sets up the devices again and thereby resets accelerate's state, under the feet of the running
    trainer. So the new instance is given what the first one found out, where transformers would look for it.

    Raises:
        Exception: whatever the constructor raises.
    """
    cls = type(args)
    if not isinstance(inspect.getattr_static(cls, "_setup_devices", None), functools.cached_property):
        raise TypeError(f"{cls.__name__} sets up its devices in an unknown way")
    known = {name: vars(args)[name] for name in _FOUND_OUT if name in vars(args)}
    if "_setup_devices" not in known:
        raise ValueError("the devices are not set up")
    if environment.deepspeed():
        # A second instance would become the one that transformers asks about DeepSpeed.
        raise ValueError("DeepSpeed is in use")
    fresh: Any = object.__new__(cls)
    vars(fresh).update(known)
    with environment.restored(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh.__init__(output_dir=args.output_dir, **{name: getattr(args, name) for name in _DECIDING})
    return fresh
