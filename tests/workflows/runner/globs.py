"""Patterns of files, as the actions take them, and of paths and branches, as triggers do."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")


def find_files(folder, patterns, hidden=True):
    """Files by the globs of `@actions/glob`: a later line wins, `!` takes away, a folder means what is in it.

    Args:
        folder: what relative patterns start from.
        patterns: one or more lines each.
        hidden: whether files and folders whose names begin with a dot count.
    """
    found = set()
    for line in lines(patterns):
        matched = set(_files(*split(folder, line.removeprefix("!"))))
        found = found - matched if line.startswith("!") else found | matched
    return {file for file in found if hidden or not _is_hidden(file, Path(folder))}


def lines(patterns):
    """The patterns in some texts, which hold one a line."""
    stripped = (line.strip() for pattern in patterns for line in pattern.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def split(folder, pattern):
    """A pattern as the folder in which to search and what to search there, which is empty where it is one path."""
    parts = Path(os.path.normpath(Path(folder) / pattern)).parts
    fixed = next((number for number, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    return Path(*parts[:fixed]), "/".join(parts[fixed:])


def _files(root, pattern):
    if root.is_file() and not pattern:
        yield root
    matching = _expression(pattern) if pattern else re.compile(".*")
    for parent, _, names in os.walk(root):
        for file in (Path(parent, name) for name in names):
            shown = file.relative_to(root)
            if any(matching.fullmatch(str(path)) for path in (shown, *shown.parents[:-1])):
                yield file


def _is_hidden(file, folder):
    shown = file.relative_to(folder) if file.is_relative_to(folder) else Path(file.name)
    return any(part.startswith(".") for part in shown.parts)


def accepts(patterns, name):
    """Whether a list of trigger patterns takes a branch, a tag or a path: the last one that matches decides.

    The characters are those of
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet.
    """
    taken = False
    for pattern in patterns:
        if _expression(pattern.removeprefix("!"), repeats=True).fullmatch(name):
            taken = not pattern.startswith("!")
    return taken


def _expression(pattern, repeats=False):
    """A pattern as a regular expression; `repeats`: `?` and `+` repeat what stands before them, as in triggers."""
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"} | ({"?": "?", "+": "+"} if repeats else {"?": "[^/]"})
    parts = re.findall(r"\*\*/|\*\*|\*|\[[^]]+\]|\\.|.", pattern)
    return re.compile("".join(special.get(part) or (part if part[0] in "[\\" else re.escape(part)) for part in parts))
