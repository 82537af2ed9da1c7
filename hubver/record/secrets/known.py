"""Secrets whose very values are known, because the environment says that they are secret. Pure."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hubver.record.secrets.names import is_secret_name
from hubver.record.secrets.placeholders import REDACTED, is_placeholder, looks_random

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A shorter value also occurs by chance: `password1` would make a text unreadable, and `test` every text.
_SHORTEST = 8


@dataclass(frozen=True)
class Known:
    """Values to hide wherever they stand, plain or escaped: as CI services mask what they were told is secret."""

    pattern: re.Pattern[str] | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Known:
        """The values of the variables whose names say that they are secret; paths and placeholders are none."""
        return cls.values(
            value
            for name, value in environment.items()
            if is_secret_name(name) and not is_placeholder(value) and not _is_path(value)
        )

    @classmethod
    def values(cls, values: Iterable[str]) -> Known:
        """These values, where they are long enough to be told from other text."""
        forms = {form for value in values if _telling(value.strip()) for form in _forms(value.strip())}
        if not forms:
            return NONE
        # The longest first: one form may begin like another.
        return cls(re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))))

    def hide(self, text: str) -> str:
        """The text without them."""
        return self.pattern.sub(REDACTED, text) if self.pattern else text


NONE = Known()


def _is_path(value: str) -> bool:
    """Keys in base64 may begin with a slash, too."""
    return value.startswith(("/", "./", "~")) and not looks_random(value)


def _telling(value: str) -> bool:
    """Whether it is told from other text: a word of small letters (`postgres`) is not, unless it is a long one."""
    return len(value) >= _SHORTEST and not (len(value) < 2 * _SHORTEST and value.isalpha() and value.islower())


def _forms(value: str) -> set[str]:
    raw = value.encode("utf-8", "surrogateescape")
    encoded = base64.b64encode(raw).decode()
    plain = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(raw, safe="")}
    return plain | {encoded.rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
