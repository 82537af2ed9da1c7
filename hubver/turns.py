"""One at a time: a lock that processes of one user share, kept away from the files that it is about."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def one_at_a_time(work: str, place: Path) -> AbstractContextManager[object]:
    """A lock that two processes which do the same work in the same place share. The place itself is left as it is.

    Where there is nowhere to keep a lock, there is none.

    Args:
        work: what is done there, such as `push`.
        place: a file or a folder.
    """
    from huggingface_hub import constants

    name = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:16]
    locks = Path(constants.HF_HOME) / "hubver" / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
    except OSError:
        return nullcontext()
    return FileLock(locks / f"{work}-{name}.lock")
