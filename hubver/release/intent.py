"""What this machine has begun and not seen the end of, so that a command that was killed is not done twice.

Going back once more is what a second rollback is for; and it is also what somebody does whose first one was killed, or
lost its answer. Only the machine that began it can tell the two apart: so it notes what it is about to write, and takes
the note away when it knows how that ended.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hubver.settings import Settings


class Intent:
    """Rollbacks of one channel that were begun on this machine.

    An event's time, to the microsecond, is its name: the ledger shows whether it was written.
    """

    def __init__(self, settings: Settings, repo_id: str) -> None:
        key = hashlib.sha256(f"{repo_id}\0{settings.channel}".encode()).hexdigest()[:32]
        self._folder: Path | None = settings.cache / "rollbacks" / key if settings.cache else None

    def begin(self, at: datetime) -> None:
        """Note that an event of this time is about to be written. Where notes cannot be kept, none is."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / _name(at)).touch()
        except OSError:
            return

    def was_begun(self, at: datetime) -> bool:
        """Whether the end of writing the event of this time was never seen here."""
        return self._folder is not None and (self._folder / _name(at)).exists()

    def end(self) -> None:
        """Forget all that was begun."""
        if self._folder is not None and self._folder.is_dir():
            for note in self._folder.iterdir():
                note.unlink(missing_ok=True)


def _name(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
