"""What is to move: refs, and the line in the ledger that goes with them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubver.errors import StaleRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubver.hub.contents import Refs
    from hubver.hub.events import Event

LEDGER = "ledger"
BRANCHES = "refs/heads/"
LEDGER_REF = f"{BRANCHES}{LEDGER}"
EVENT_FILE = "event.json"
# Lines of others that may have come between a lost answer and the look at what became of the question.
LOOK_BACK = 20


@dataclass(frozen=True)
class Move:
    """One ref on its way.

    Attributes:
        ref: the whole name, such as `refs/heads/production`.
        old: the sha it must have now; None if it must not exist.
        new: the sha it shall have; None to delete it.
    """

    ref: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Line:
    """One line for the ledger: a commit to be.

    Attributes:
        event: what happened.
        parent: the ledger's head that it follows; None where there is no ledger yet.
        evidence: file name → bytes, kept beside the event.
    """

    event: Event
    parent: str | None
    evidence: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The commit's first line."""
        return one_line(self.event.title)

    @property
    def files(self) -> dict[str, bytes]:
        """What the commit holds."""
        return {EVENT_FILE: self.event.to_bytes(), **self.evidence}


def everywhere(refs: Refs) -> dict[str, str]:
    """Branches and tags by their whole names."""
    found = {f"refs/heads/{name}": sha for name, sha in refs.branches.items()}
    return found | {f"refs/tags/{name}": sha for name, sha in refs.tags.items()}


def arrived(refs: Refs, moves: Iterable[Move]) -> bool:
    """Whether every ref is where the moves wanted it."""
    there = everywhere(refs)
    return all(there.get(one.ref) == one.new for one in moves)


def stale(repo_id: str, one: Move, now: str | None) -> StaleRef:
    """The error of a ref that is not where it was read.

    Args:
        now: where it is.
    """
    name = one.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return StaleRef(
        f"{name} in {repo_id} moved while this was under way; nothing was changed.",
        expected=one.old[:8] if one.old else "no such ref",
        found=now[:8] if now else "no such ref",
        hint=f"Look with `hubver status {repo_id}`, then run the command again.",
    )


def one_line(text: str) -> str:
    """Text for a commit's header or title: one line, and nothing that git reads as structure."""
    return " ".join(text.replace("<", "").replace(">", "").split()) or "unknown"
