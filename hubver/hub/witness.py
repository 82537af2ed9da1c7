"""What this machine has seen of a ledger.

A ledger that somebody rewrote from some event on is consistent in itself: git's hashes fit, and so do its states. Only
who saw it before can tell. So what was read of it is kept in the user's cache, a line for each commit, and held against
what is read the next time. That costs no request, and it never fails: where nothing can be kept, nothing is said.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.hub.contents import is_sha

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubver.hub.ledger import Entry
    from hubver.settings import Settings

# As many of the newest commits as are kept: who looks in once in a thousand events still finds where two ledgers part.
_MOST = 1000


@dataclass(frozen=True)
class Seen:
    """A commit of the ledger, as it was when it was seen."""

    sha: str
    title: str

    def __str__(self) -> str:
        return f"{self.title!r} ({self.sha[:8]})"


@dataclass(frozen=True)
class Rewritten:
    """A ledger that no longer holds what this machine saw in it.

    Attributes:
        common: the last commit that it still has; None where it has none of those that are remembered.
        gone: what came after that when it was seen, newest first.
    """

    common: Seen | None
    gone: tuple[Seen, ...]

    @property
    def head(self) -> Seen:
        """Where the ledger was when it was last seen whole."""
        return self.gone[0]


def look(settings: Settings, repo_id: str, newest_first: Sequence[Entry], *, whole: bool) -> Rewritten | None:
    """Hold what was read of a ledger against what this machine saw of it before, and remember it if they agree.

    Args:
        newest_first: the newest entries, none left out in between.
        whole: whether they are all.

    Returns:
        None where they agree, and where nobody can tell: nothing was seen before, or what was read does not reach back
        to it.
    """
    file = _file(settings, repo_id)
    if file is None:
        return None
    before = _read(file)
    there = {entry.sha: position for position, entry in enumerate(newest_first)}
    met = next((position for position, seen in enumerate(before) if seen.sha in there), None)
    if before and met != 0:
        if met is None and not whole:
            return None
        return Rewritten(None if met is None else before[met], tuple(before[:met]))
    newer = newest_first[: there[before[0].sha]] if before else newest_first
    if newer:
        # A commit's title is one line by git's own rule; what a stranger's editor puts there may hold others.
        added = [Seen(entry.sha, " ".join(entry.title.split())) for entry in newer]
        _write(file, [*added, *before][:_MOST])
    return None


def warning(settings: Settings, repo_id: str, newest_first: Sequence[Entry], *, whole: bool) -> str | None:
    """Like `look`, in words for commands that do something else; None where there is nothing to warn of.

    A ledger that has nothing in common with what was seen may be that of another repository of that name, made anew, as
    they are on a Hub of one's own. Whoever asks `hubver doctor` hears of it.
    """
    found = look(settings, repo_id, newest_first, whole=whole)
    if found is None or found.common is None:
        return None
    return (
        f"the ledger no longer holds {found.gone[-1]}, which this machine saw in it after {found.common}. "
        f"See: hubver doctor {repo_id}"
    )


def forget(settings: Settings, repo_id: str) -> None:
    """Forget what this machine saw: somebody knows why the ledger is another one now."""
    file = _file(settings, repo_id)
    if file is not None:
        file.unlink(missing_ok=True)


def _file(settings: Settings, repo_id: str) -> Path | None:
    if settings.cache is None:
        return None
    key = hashlib.sha256(f"{settings.endpoint}\0{repo_id}".encode()).hexdigest()[:32]
    return settings.cache / "ledgers" / key


def _read(file: Path) -> list[Seen]:
    """What is remembered; nothing where the file is not one of ours."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = [Seen(*line.split(" ", 1)) for line in lines if is_sha(line[:40]) and line[40:41] == " "]
    return found if len(found) == len(lines) else []


def _write(file: Path, seen: Sequence[Seen]) -> None:
    """Replace the file in one step: of two processes that do so at once, either's memory is good."""
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text("".join(f"{one.sha} {one.title}\n" for one in seen), encoding="utf-8", errors="replace")
        beside.replace(file)
    except OSError:
        return
