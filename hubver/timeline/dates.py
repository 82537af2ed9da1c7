"""Dates as people write them. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from hubver.errors import BadInput

# No ledger is as old.
_BEFORE_ALL = 1970
_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{3}|\.\d{6})?)?) ?(?:(Z)|([+-]\d{2}):?(\d{2}))?)?",
    re.IGNORECASE,
)


def parse(text: str) -> datetime:
    """Read `2026-11-01`, `2026-11-01 12:00`, `2026-11-01T12:00Z` or `2026-11-01T12:00:30+02:00`.

    A date alone is its first moment. Without a zone, the clock of this machine is meant.

    Returns:
        A time with a zone.

    Raises:
        BadInput: it is no such date, or there is no such day.
    """
    match = _DATE.fullmatch(text.strip())
    if match is not None:
        day, time, zulu, hours, minutes = match.groups()
        zone = "+00:00" if zulu else f"{hours}:{minutes}" if hours else ""
        try:
            found = datetime.fromisoformat(f"{day}T{time or '00:00'}{zone}").astimezone()
        except (ValueError, OverflowError, OSError):
            pass  # no such day, or none that this machine's clock can tell
        else:
            if found.year > _BEFORE_ALL:
                return found
    raise BadInput(
        f"{text!r} is no date.", expected="such as 2026-11-01, 2026-11-01T12:00Z or '2026-11-01 12:00' (local time)"
    )
