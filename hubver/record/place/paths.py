"""Paths of the machine, which say nothing elsewhere and are nobody's business, as a record may show them."""

from __future__ import annotations

import re
from pathlib import Path

ELSEWHERE = "[elsewhere]"

# Two steps at least: `/x` alone is more often an option or a pattern than a place. What stands after a letter, a dot,
# a colon or another slash is the middle of a relative path or of a URL.
_ABSOLUTE = re.compile(r"(?:(?<=file://)|(?<![\w.:/~\\-]))/(?:[^\s/'\"<>|,;:=()\[\]{}]+/)+[^\s/'\"<>|,;:=()\[\]{}]*")


def portable(text: str, directory: Path | None = None) -> str:
    """Text without the absolute paths in it.

    Those below the working directory become relative to it, those below the home directory `~/...`, and of all others
    the last part is left, as `[elsewhere]/name`.

    Args:
        text: any text: an argument of a command line, the message of an error.
        directory: the working directory; that of this process if None.
    """
    directory = directory or Path.cwd()
    head, equals, value = text.partition("=")
    if text.startswith("/") and "\n" not in text:
        short = _short(text, directory)
    elif equals and value.startswith("/") and "\n" not in value:
        # A whole argument is a path even where it has spaces in it.
        short = f"{head}={_short(value, directory)}"
    else:
        short = _ABSOLUTE.sub(lambda found: _short(found[0], directory), text)
    # A command line may hold bytes that are not UTF-8, which Python carries as surrogates and JSON cannot.
    return short.encode("utf-8", "replace").decode()


def relative(path: Path, root: Path) -> str | None:
    """A path relative to a folder, with forward slashes, `.` for the folder itself; None if it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def _short(text: str, directory: Path) -> str:
    path = Path(text)
    if len(path.parts) < 3 and path != directory:
        return text
    inside = relative(path, directory)
    if inside is not None and len(directory.parts) > 1:
        return inside
    home = Path.home()
    inside = relative(path, home) if len(home.parts) > 1 else None
    return f"{ELSEWHERE}/{path.name}" if inside is None else f"~/{inside}"
