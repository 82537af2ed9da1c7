"""What a step says to the runner that runs it: outputs, a summary and annotations. Pure, but for `append`.

Source: "Workflow commands for GitHub Actions" in GitHub's documentation; the escapes are those of `@actions/core`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from hubver.errors import HubverError

if TYPE_CHECKING:
    from pathlib import Path

# What GitHub shows of one step's summary; of a larger one it shows nothing.
MOST_SUMMARY_BYTES = 1 << 20
_CUT = "\n\n*The rest has no room here; it is in the report.*\n"
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def output(name: str, value: str, delimiter: str) -> str:
    """One output, as the file `GITHUB_OUTPUT` takes it.

    Args:
        name: of small letters, digits and hyphens.
        value: any text; what is in it cannot set another output, as long as the delimiter is not in it.
        delimiter: a random word that nobody could guess.

    Raises:
        ValueError: it is no name, or the value holds the delimiter.
    """
    if not _NAME.fullmatch(name) or delimiter in value:
        raise ValueError(f"{name!r} cannot be an output, or its value holds the delimiter")
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def annotation(kind: Literal["notice", "warning", "error"], message: str, *, title: str) -> str:
    """A line that the runner shows beside the log and on the run's page."""
    return f"::{kind} title={_escaped(title, ':,')}::{_escaped(message)}"


def quiet(text: str) -> str:
    """Text for the log that the runner cannot take for a command: in one line, without `::` or `##[`.

    The runner takes a line for a command that begins with `::`, and whatever follows `##[` in any line.
    """
    return " ".join(text.split()).replace("::", ": :").replace("##[", "# #[")


def fitted(markdown: str, room: int) -> str:
    """Markdown in so many bytes of UTF-8 at most: what is too long is cut at the end of a line, and says so."""
    whole = _encoded(markdown)
    if len(whole) <= room:
        return whole.decode()
    kept = whole[: max(room - len(_CUT), 0)]
    text = kept[: kept.rfind(b"\n") + 1].rstrip(b"\n") + _CUT.encode()
    return text.decode() if len(text) <= room else ""


def append(path: Path, text: str) -> None:
    """Write to the end of one of the runner's files.

    Raises:
        HubverError: the system refused.
    """
    try:
        with path.open("ab") as file:
            file.write(_encoded(text))
    except OSError as error:
        raise HubverError(
            "The runner's file for what this step says cannot be written.",
            found=error.strerror,
            hint="Is the disk of the runner full?",
        ) from error


def _escaped(text: str, more: str = "") -> str:
    """`%`, line ends and some more letters as the runner writes them: `%25`, `%0A`."""
    return "".join(f"%{ord(letter):02X}" if letter in f"%\r\n{more}" else letter for letter in text)


def _encoded(text: str) -> bytes:
    # A lone surrogate, such as JSON may hold, has no place in UTF-8.
    return text.encode(errors="replace")
