"""What tells one scorer from another: two gates with the same scorer may share scores, others may not."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import re
from typing import TYPE_CHECKING, Any

from hubver.errors import MissingPackage
from hubver.gate.scorers.batches import Batched

if TYPE_CHECKING:
    from collections.abc import Callable

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def name_of(scorer: Any) -> str:
    """A scorer's name for people: `exact_match`, or `JsonMatch(fields=('queue',))`."""
    if isinstance(scorer, Batched):
        return name_of(scorer.scorer)
    if isinstance(scorer, functools.partial):
        return name_of(scorer.func)
    name: str = getattr(scorer, "__qualname__", "") or _ADDRESS.sub("", repr(scorer))
    return name


def identity(scorer: Any) -> dict[str, str]:
    """What tells this scorer from every other: its name, its parameters, its source, and the libraries it says it uses.

    The source is that of the function or class, and of the functions and classes of the same module that it names.
    Parameters are what a closure, a partial, a default or an object holds. What other modules do is not covered, but
    for the packages that an attribute `libraries` of the scorer lists: their versions count.

    Raises:
        MissingPackage: one of those packages is not installed.
    """
    parts: list[str] = []
    _describe(scorer, parts, set())
    found = {"name": name_of(scorer), "source": hashlib.sha256("\x00".join(parts).encode()).hexdigest()}
    return found | {name: _version(name, found["name"]) for name in getattr(scorer, "libraries", ())}


def _version(package: str, scorer: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise MissingPackage(
            f"The scorer {scorer} needs the package {package!r}.", hint="Install it with: pip install 'hubver[metrics]'"
        ) from None


def _describe(value: Any, parts: list[str], seen: set[int]) -> None:
    """Add everything that tells a value from another to `parts`."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Batched):
        parts.append("batched")
        _describe(value.scorer, parts, seen)
    elif isinstance(value, functools.partial):
        parts.append(_shown([value.args, sorted(value.keywords.items())]))
        _describe(value.func, parts, seen)
    elif inspect.ismethod(value):
        _describe(value.__func__, parts, seen)
        _describe(value.__self__, parts, seen)
    elif inspect.isfunction(value):
        _describe_function(value, parts, seen)
    elif inspect.isclass(value) or inspect.isroutine(value):
        parts.append(_source(value))
    else:
        parts.append(_shown(value))
        if callable(value):
            parts.append(_source(type(value)))
            if "__call__" in vars(type(value)):
                _describe(type(value).__call__, parts, seen)
            if " at 0x" in repr(value):  # it says nothing of itself
                parts.append(_shown(sorted(getattr(value, "__dict__", {}).items())))


def _describe_function(function: Callable[..., object], parts: list[str], seen: set[int]) -> None:
    parts.append(_source(function))
    parts.append(_shown(getattr(function, "__defaults__", None)))
    try:
        named = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return
    for name, value in sorted(named.nonlocals.items()):
        parts.append(name)
        _describe(value, parts, seen)
    for name, value in sorted(named.globals.items()):
        code = inspect.isclass(value) or inspect.isroutine(value)
        if inspect.ismodule(value) or (code and value.__module__ != function.__module__):
            continue
        parts.append(name)
        _describe(value, parts, seen)


def _source(value: Any) -> str:
    """The source, or where Python has none (it is built in) its full name."""
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def _shown(value: object) -> str:
    if isinstance(value, set | frozenset):  # in no order
        return f"{{{', '.join(sorted(map(_shown, value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_shown(key)}: {_shown(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_shown, value))})"
    # An address differs from one process to the next, and the next one is to find the same.
    return _ADDRESS.sub("", repr(value))
