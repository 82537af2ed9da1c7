"""The files of a Space that runs a relay: what `hubver relay --write-space DIR` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from hubver import __version__
from hubver.errors import AlreadyExists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TEMPLATES = ("Dockerfile", "README.md")


@dataclass(frozen=True)
class Space:
    """What was written.

    Attributes:
        written: the files that are new; those that were there already, as they should be, are not among them.
    """

    folder: Path
    written: tuple[str, ...]


def write(folder: Path, routes: Mapping[str, str]) -> Space:
    """Write a Space's files; running it again changes nothing.

    Args:
        folder: made if it is not there.
        routes: `ORG/NAME` → `OWNER/REPO`.

    Raises:
        AlreadyExists: a file is there with other content; nothing was written.
    """
    models = [part for repo_id, github in routes.items() for part in ("--model", f"{repo_id}={github}")]
    command = json.dumps(["hubver", "relay", "--host", "0.0.0.0", "--port", "7860", *models])  # noqa: S104  # in a container
    told = {
        "version": __version__,
        "command": command,
        "models": "\n".join(f"- `{repo_id}` → `{github}`" for repo_id, github in routes.items()),
    }
    new = {}
    for name in _TEMPLATES:
        text = Template((files(__package__) / "templates" / name).read_text(encoding="utf-8")).substitute(told)
        if not (folder / name).exists():
            new[name] = text
        elif (folder / name).read_text(encoding="utf-8") != text:
            raise AlreadyExists(
                f"{folder / name} is there already, with other content.",
                hint="Name an empty folder, or delete the file to have it written anew.",
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in new.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Space(folder, tuple(new))
