"""Addresses that hold a revision followed by a path."""

from __future__ import annotations

import re
from urllib.parse import unquote

# The client quotes a revision's slashes; people and browsers write refs/pr/7 as it is.
_REVISION = re.compile(r"(refs/(?:pr|convert|heads|tags)/[^/]+|[^/]+)(?:/(.*))?", re.DOTALL)


def split_revision(rest: str) -> tuple[str, str]:
    """Split a URL-quoted `<revision>[/<path>]`, and unquote both.

    >>> split_revision("refs%2Fpr%2F7/a%20b.txt")
    ('refs/pr/7', 'a b.txt')
    """
    found = _REVISION.fullmatch(rest)
    if found is None:
        return "", ""
    return unquote(found[1]), unquote(found[2] or "").rstrip("/")
