"""The folder that is published: one push of it at a time, and whether it stayed as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.turns import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager


class Unchanged:
    """What the files of a folder looked like when it was made, to be held against what they look like later.

    A large file is read twice, to hash it and to send it, and what it is stored as is the digest of the first time. The
    Hub may take that on trust, so a file that was written in between is looked for here too.

    Args:
        folder: looked through at once, and only from the outside: sizes, times and inodes.
    """

    def __init__(self, folder: Path) -> None:
        self._before = {path: _stamp(path) for path in folder.rglob("*")}

    def check(self, files: Iterable[Path | bytes]) -> None:
        """Compare.

        Raises:
            BadInput: a file is another one now, or gone.
        """
        for file in files:
            if isinstance(file, Path) and _stamp(file) != self._before.get(file):
                raise BadInput(
                    f"{file.name} changed while it was published, so what was sent gets no version tag.",
                    hint="Let whatever writes there finish, and push again: the folder as it is then is a new run.",
                )


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def one_push_of(folder: Path) -> AbstractContextManager[object]:
    """A lock that two pushes of the same folder by one user share. The folder itself is left as it is.

    It only saves work: what must not happen twice is kept from it by the Hub. So where there is no place for it, there
    is none.
    """
    return one_at_a_time("push", folder)
