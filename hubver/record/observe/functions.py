"""The user's own functions and classes that took part in training, by the digest of their source.

The source is read from the files as they are when the run begins: a function that was redefined, or a file that was
edited after it was imported, has the newer text. Functions that were given to `Dataset.map` before training have left
nothing but their rows; those of a stream, and a dataset's transform, are still there and are recorded.
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

from hubver.record.digest import sha256
from hubver.record.plain import class_name
from hubver.record.schema import Function
from hubver.record.sources import data_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Where trainers keep what they were given (transformers 5.23, trl 1.16).
_ATTRIBUTES = (
    ("formatting", "_formatting_func"),
    ("formatting", "formatting_func"),
    ("collator", "data_collator"),
    ("metrics", "compute_metrics"),
    ("loss", "compute_loss_func"),
    ("metrics", "preprocess_logits_for_metrics"),
    ("reward", "reward_funcs"),
    ("generation", "rollout_func"),
    ("generation", "tools"),
    ("model", "model_init"),
)
# Packages whose versions are recorded, so that their code is known without its digest.
_LIBRARIES = frozenset(
    {"transformers", "trl", "peft", "torch", "datasets", "accelerate", "hubver", "builtins", "typing"}
)


def functions_of(trainer: Any, model: Any, datasets: Iterable[Any]) -> tuple[Function, ...]:
    """What the trainer was given, its own class and the model's where they are the user's, and rows' transforms.

    Args:
        trainer: the trainer, or None where it could not be found.
        model: the model that is trained.
        datasets: what it is trained and evaluated on.
    """
    found: list[tuple[str, Any]] = []
    for role, name in _ATTRIBUTES:
        given = getattr(trainer, name, None)
        # TRL also puts text in such a place, to say that something is off.
        found += [(role, item) for item in (given if isinstance(given, list | tuple) else [given]) if callable(item)]
    handler = getattr(trainer, "callback_handler", None)
    found += [("callback", item) for item in getattr(handler, "callbacks", ()) if _is_own(type(item))]
    found += [("trainer", cls) for cls in _own_classes(trainer)]
    found += [("model", cls) for cls in _own_classes(getattr(model, "get_base_model", lambda: model)())]
    for dataset in datasets:
        found += [("transform", function) for function in data_files.transforms(dataset)]
        found += [("dataset", cls) for cls in _own_classes(dataset)]
    return tuple(dict.fromkeys(described(role, item) for role, item in found))


def described(role: str, given: Any) -> Function:
    """One function, class or callable object.

    Args:
        role: what it is for (see `Function.role`).
        given: a partial application counts as its function, a bound method as its own function, a wrapped one as what
            it wraps, and any other object as its class.
    """
    while isinstance(given, functools.partial):
        given = given.func
    # A model may be a reward: its class says how it computes, and its name which one it is.
    thing = given if inspect.isroutine(given) or inspect.isclass(given) else type(given)
    thing = inspect.unwrap(thing)
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None) or class_name(thing)
    return Function(role=role, name=f"{module}.{name}" if module else str(name), source_sha256=source_digest(thing))


def source_digest(thing: Any) -> str | None:
    """sha256 of the source text of a function or class, without common indentation; None where there is none to read.

    A lambda's text is that of the whole statement it stands in.
    """
    try:
        lines = inspect.getsource(thing)
    except (OSError, TypeError, IndentationError, SyntaxError):
        return None
    return sha256(textwrap.dedent(lines).encode("utf-8", "surrogatepass"))


def _own_classes(thing: Any) -> Iterator[type]:
    """The classes of an object, from its own upwards, until the first that comes with a library."""
    for cls in type(thing).__mro__ if thing is not None else ():
        if not _is_own(cls):
            return
        yield cls


def _is_own(cls: type) -> bool:
    return cls.__module__.partition(".")[0] not in _LIBRARIES
