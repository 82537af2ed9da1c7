"""Scorers: from a prediction and what was expected to a score in [0, 1]. Any such callable will do.

A scorer sees one example at a time, so that scores can be paired, sliced and bet on.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Scorer = Callable[[str, str], float]


def exact_match(prediction: str, expected: str) -> float:
    """1.0 where both are the same text, white space at the ends aside; else 0.0."""
    return float(prediction.strip() == expected.strip())


def normalised_match(prediction: str, expected: str) -> float:
    """Like `exact_match`, but blind to case, to runs of white space and to Unicode forms (NFKC)."""
    return float(_normalised(prediction) == _normalised(expected))


def json_valid(prediction: str, expected: str) -> float:  # noqa: ARG001 - every scorer takes both
    """1.0 where the prediction is one valid JSON value and nothing else; `expected` is not looked at."""
    return 0.0 if _parsed(prediction) is _NOTHING else 1.0


@dataclass(frozen=True)
class JsonMatch:
    """1.0 where prediction and expectation are JSON objects that agree on every field; made by `json_match`.

    Attributes:
        fields: the fields compared; all of them, and no others allowed, where none is named.
    """

    fields: tuple[str, ...]

    def __call__(self, prediction: str, expected: str) -> float:
        """Score one example.

        Raises:
            ValueError: what was expected is no JSON object, or lacks a field: the data is wrong, not the model.
        """
        wanted = _parsed(expected)
        if not isinstance(wanted, dict) or (missing := [name for name in self.fields if name not in wanted]):
            lack = "is no JSON object" if not isinstance(wanted, dict) else f"lacks {', '.join(missing)}"
            raise ValueError(f"the expected answer {expected!r} {lack}")
        found = _parsed(prediction)
        if not isinstance(found, dict):
            return 0.0
        if not self.fields:
            return float(found == wanted)
        return float(all(name in found and found[name] == wanted[name] for name in self.fields))


def json_match(*fields: str) -> JsonMatch:
    """A scorer that compares these fields of JSON objects; whole objects where no field is named."""
    return JsonMatch(fields)


def name_of(scorer: Scorer) -> str:
    """A scorer's name for people: `exact_match`, or `JsonMatch(fields=('queue',))`."""
    name: str = getattr(scorer, "__qualname__", "") or repr(scorer)
    return name


def identity(scorer: Scorer) -> dict[str, str]:
    """What tells this scorer from every other: its name (with its parameters) and the digest of its source.

    Where Python has no source for it (it is built in), its full name must do.
    """
    target = scorer if inspect.isroutine(scorer) else type(scorer)
    try:
        source = inspect.getsource(target)
    except (OSError, TypeError):
        source = f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', '')}"
    return {"name": name_of(scorer), "source": hashlib.sha256(source.encode()).hexdigest()}


_NOTHING = object()


def _parsed(text: str) -> object:
    """The JSON value, or `_NOTHING`. NaN and Infinity are Python's own and no JSON."""
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _NOTHING
    return value


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
