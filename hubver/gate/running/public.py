"""What a report may say to anyone: no secrets, and no absolute path of the machine that judged.

A report goes into the ledger, where it stays for ever and everybody who reads the repository reads it too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Two steps at least, so that a lone slash in a sentence is none; an address or a relative path has text before it.
_PATH = re.compile(r"(?:(?<![\w.:/~\-…])|(?<=file://))/(?:[\w.@+%=-]+/)+(?P<name>[\w.@+%=-]*)")


def public(value: Any, roots: Sequence[Path]) -> Any:
    """The same value with every text in it made fit for a report.

    Args:
        value: text, or mappings, lists and tuples of it; anything else comes back as it is.
        roots: folders to show paths relative to, the first that fits; of any other path only the last part stays.
    """
    if isinstance(value, str):
        return _text(value, roots)
    if isinstance(value, dict):
        return {key: public(item, roots) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(public(item, roots) for item in value)
    return value


def said(error: BaseException) -> str:
    """An exception in one line, such as `KeyError: 'queue'`."""
    name = type(error).__name__
    lines = str(error).strip().splitlines()
    return f"{name}: {lines[0]}" if lines else name


def _text(text: str, roots: Sequence[Path]) -> str:
    for root in roots:
        for folder in {str(root.absolute()), str(root.resolve())}:
            if folder.count("/") > 1:
                below = rf"(?<![\w.:/~-]){re.escape(folder)}(?:(?P<below>/)|(?![\w.-]))"
                text = re.sub(below, lambda found: "" if found["below"] else ".", text)
    return redact(_PATH.sub(lambda found: f"…/{found['name']}", text))
