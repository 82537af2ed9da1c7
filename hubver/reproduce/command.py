"""The command of a recorded run, as it can be run again. Pure."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubver.record.schema import Code

# What `hubver.record.secrets` puts in the place of a secret.
REDACTED = "[redacted]"
# What `hubver.record.place.code` calls the cells of a notebook.
_CELLS = "notebook-cells.py"
_PROGRAM = re.compile(r"[A-Za-z0-9][\w.-]*")
_PUSHING = re.compile(r"--push[_-]to[_-]hub(?P<value>=.*)?")
_BOOLEANS = frozenset({"true", "false", "1", "0", "yes", "no"})


def program(code: Code) -> str | None:
    """The installed command that ran, such as `trl`; None for Python itself.

    Raises:
        BadInput: it is no name of a program.
    """
    if code.command is not None and not _PROGRAM.fullmatch(code.command):
        raise BadInput("The record's command is no name of a program.", found=code.command[:80])
    return code.command


def recorded(code: Code, values: Mapping[str, str], notes: list[str]) -> tuple[str, ...]:
    """What stands after the program.

    Args:
        code: as recorded.
        values: what the user gives for what the record hides, by the option's name.
        notes: gets a sentence for whatever is left out.

    Raises:
        BadInput: the record does not say which script ran, or hides what nobody gives.
    """
    if code.command is not None:
        start: tuple[str, ...] = ()
    elif code.module is not None:
        start = ("-m", code.module)
    elif code.entry_point is not None:
        start = (_script(code, notes),)
    else:
        raise BadInput(
            "The record does not say which script ran.",
            expected="the command line of a script, as HubverCallback records it",
            hint='Say it yourself: --command "train.py --output out"',
        )
    return (*start, *_without_pushing(_filled(code.argv, values), notes))


def inside(directory: str) -> str:
    """The working directory; one that leads out of the repository is somebody's mistake, or worse."""
    normal = posixpath.normpath(directory)
    if normal.startswith(("/", "..")):
        raise BadInput("The record's working directory is outside of its repository.", found=directory[:80])
    return normal


def _script(code: Code, notes: list[str]) -> str:
    """The script, relative to the working directory; to the repository where that lay outside of it."""
    entry = inside(code.entry_point or "")
    if entry.endswith(".ipynb"):
        entry = _CELLS
    if entry == _CELLS:
        notes.append("The run was a notebook: its cells are run as one script, and what only IPython knows will fail.")
    return entry if code.directory is None else posixpath.relpath(entry, inside(code.directory))


def _filled(argv: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The arguments, with what the user gives for those that the record hides."""
    filled: list[str] = []
    missing: list[str] = []
    for position, word in enumerate(argv):
        if REDACTED not in word:
            filled.append(word)
            continue
        option, equals, _ = word.partition("=")
        if not (equals and option.startswith("-")):
            option = argv[position - 1] if position and argv[position - 1].startswith("-") else f"argument-{position}"
            equals = ""
        name = option.lstrip("-")
        value = values.get(name)
        if value is None:
            missing.append(name)
        else:
            filled.append(f"{option}={value}" if equals else value)
    if missing:
        raise BadInput(
            f"The record hides what stood in the command for {', '.join(missing)}: it looked like a secret.",
            hint="Give it, or any value that the run can do with: "
            + " ".join(f"--set {name}=VALUE" for name in missing),
        )
    return filled


def _without_pushing(argv: list[str], notes: list[str]) -> list[str]:
    """Nothing is published again: `--push_to_hub` goes, with its value."""
    left: list[str] = []
    skip = False
    for position, word in enumerate(argv):
        if skip:
            skip = False
        elif found := _PUSHING.fullmatch(word):
            notes.append(f"{word} is left out: nothing is published again.")
            following = argv[position + 1].lower() if position + 1 < len(argv) else ""
            skip = found["value"] is None and following in _BOOLEANS
        else:
            left.append(word)
    return left
