"""What stands where a secret was or will be. Pure."""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_PLACEHOLDER = re.compile(
    r"\s*(?:\W*[<\[].*[>\]]|\$.*|\*+|%(?:s|\(.*|[A-Z_]*%)|\{.*|\.\.\.|x+|none|null|true|false|str|bytes|int|bool|object|any|SecretStr|SecretBytes|\[redacted\]"
    r"|(?:your|my|the)[-_ ].*|.*[-_ ]here|)\s*",
    re.IGNORECASE | re.DOTALL,
)
# What is longer begins like one or is none.
_LONGEST = 200


def is_placeholder(value: str) -> bool:
    """Whether it is no secret itself: `$TOKEN`, `<token>`, `{token}`, `None`, `***`, `your-key-here`."""
    return _PLACEHOLDER.fullmatch(value[:_LONGEST]) is not None


def looks_random(value: str) -> bool:
    """Whether nobody would name a variable like this: a run of at least 8 letters and digits, of both kinds."""
    return any(
        len(piece) >= 8 and any(letter.isdigit() for letter in piece) and any(letter.isalpha() for letter in piece)
        for piece in re.split(r"[^A-Za-z0-9]", value)
    )
