"""Read files that strangers wrote: of bounded size, and as far as they can be read."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import yaml

from hubver.record.plain import jsonable
from hubver.record.secrets import redact_value

if TYPE_CHECKING:
    from pathlib import Path

# A card or a configuration beyond this is none.
_LARGEST = 1 << 20
# PyYAML reads some 100 KB a second.
_LONGEST_YAML = 64 << 10
# Aliases let a few lines of YAML stand for more values than memory holds.
_MOST_VALUES = 20_000
_DEEPEST = 40
_TOO_LARGE = "it is larger than any configuration"


def text_of(file: Path, largest: int = _LARGEST) -> str | None:
    """The text of a file; None where there is none, or it is larger than so many bytes or not UTF-8."""
    try:
        if not file.is_file() or file.stat().st_size > largest:
            return None
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None


def json_of(file: Path) -> dict[str, Any]:
    """The JSON object of a file; empty where there is none that can be read."""
    try:
        value = json.loads(text_of(file) or "")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def yaml_of(text: str) -> dict[str, Any]:
    """A YAML mapping as JSON can say it: dates as text, keys as text.

    Raises:
        ValueError: it is no YAML, no mapping, or larger than any configuration; the message says which.
    """
    if len(text) > _LONGEST_YAML:
        raise ValueError(_TOO_LARGE)
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        raise ValueError(f"it is no valid YAML{f' (line {place.line + 1})' if place else ''}") from None
    if not isinstance(value, dict):
        raise ValueError("it holds no mapping")  # noqa: TRY004  # the type is the content's, not an argument's
    counted: dict[str, Any] = _Counting().plain(value, 0)
    return counted


def published(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration as a record holds it: redacted, and without the folders of the machine it ran on."""
    safe: dict[str, Any] = redact_value(jsonable(configuration))
    return safe


class _Counting:
    """Copies values into JSON's own types, so long as there are not too many."""

    def __init__(self) -> None:
        self.left = _MOST_VALUES

    def plain(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > _DEEPEST:
            raise ValueError(_TOO_LARGE)
        if isinstance(value, dict):
            return {str(key): self.plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.plain(item, depth + 1) for item in value]
        if isinstance(value, dt.date):
            return value.isoformat()
        return value if isinstance(value, str | int | float | bool | None) else str(value)
