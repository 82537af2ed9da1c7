"""Times as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_YEAR_DAYS = 365


def span(length: timedelta) -> str:
    """A length of time in its largest unit, such as `3 days`; a negative one, of clocks that are apart, is `no time`."""
    seconds = int(length.total_seconds())
    if seconds >= 2 * _YEAR_DAYS * 86400:
        return f"{seconds // (_YEAR_DAYS * 86400)} years"
    for name, size in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' * (count != 1)}"
    return "under a second" if length >= timedelta(0) else "no time"


def ago(at: datetime, now: datetime) -> str:
    """How long ago something was, such as `3 days ago`."""
    return f"{span(now - at)} ago" if now - at >= timedelta(seconds=1) else "just now"


def clock(at: datetime) -> str:
    """A time where the reader is, to the minute: `2026-11-01 12:00`."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M")
