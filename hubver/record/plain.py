"""Values of strangers' objects as JSON can say them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hubver.record.place.paths import portable


def class_name(thing: Any) -> str:
    """The full name of a thing's class, such as `transformers.trainer.Trainer`."""
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def jsonable(value: Any) -> Any:
    """A value as JSON can say it: sets sorted, enums by value, absolute paths by their last part.

    Paths within other text are shown as `hubver.record.place.paths.portable` shows them.
    """
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((jsonable(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    value = getattr(value, "value", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str | Path) and Path(value).is_absolute():
        return Path(value).name
    if isinstance(value, str) and "/" in value:
        return portable(value)
    # Text of other objects may hold their address, which differs every time.
    return value if isinstance(value, str | int | float | bool | None) else class_name(value)
