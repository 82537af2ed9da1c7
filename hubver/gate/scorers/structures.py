"""Scorers of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass


def json_valid(prediction: str, expected: str) -> float:  # noqa: ARG001 - every scorer takes both
    """1.0 where the prediction is one valid JSON value and nothing else; `expected` is not looked at."""
    return 0.0 if _parsed(prediction) is _NOTHING else 1.0


@dataclass(frozen=True)
class JsonMatch:
    """How far prediction and expectation are JSON objects that agree; made by `json_match` and `json_fields`.

    Attributes:
        fields: the fields compared; all of them, and no others allowed, where none is named.
        partial: whether the fields that agree count where others do not.
    """

    fields: tuple[str, ...]
    partial: bool = False

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
        # A field that was not asked for is as wrong as one that is missing.
        compared = self.fields or tuple(wanted.keys() | found.keys())
        right = sum(name in found and name in wanted and _same(found[name], wanted[name]) for name in compared)
        share = right / len(compared) if compared else 1.0
        return share if self.partial else float(share == 1.0)


def json_match(*fields: str) -> JsonMatch:
    """A scorer that compares these fields of JSON objects, all or nothing; whole objects where no field is named."""
    return JsonMatch(fields)


def json_fields(*fields: str) -> JsonMatch:
    """A scorer that gives the share of these fields that are right; of all that either object has where none is named."""
    return JsonMatch(fields, partial=True)


_NOTHING = object()


def _same(one: object, other: object) -> bool:
    """Whether two JSON values are equal. 1 and 1.0 are; true and 1, which are equal to Python, are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def _parsed(text: str) -> object:
    """The JSON value, or `_NOTHING`. NaN and Infinity are Python's own and no JSON."""
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _NOTHING
    return value


def _refuse(constant: str) -> object:
    raise ValueError(constant)
