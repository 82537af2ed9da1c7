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
        self._ours: set[str] = set()

    def begin(self, at: datetime) -> None:
        """Note that an event of this time is about to be written. Where notes cannot be kept, none is."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / _name(at)).touch()
        except OSError:
            return
        self._ours.add(_name(at))

    def was_begun(self, at: datetime) -> bool:
        """Whether the end of writing the event of this time was never seen here."""
        found = self._folder is not None and (self._folder / _name(at)).exists()
        if found:
            self._ours.add(_name(at))
        return found

    def end(self) -> None:
        """Forget what was begun or found again by this object; others may be on their way."""
        if self._folder is not None:
            for name in self._ours:
                (self._folder / name).unlink(missing_ok=True)
        self._ours.clear()


def _name(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
