"""What an examination goes by: refs and ledger as they were read at one moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubver.hub.contents import Refs
    from hubver.hub.events import Change, State
    from hubver.hub.ledger import Entry
    from hubver.hub.witness import Rewritten


@dataclass(frozen=True)
class Facts:
    """One repository.

    Attributes:
        remote: its address for git.
        entries: the ledger, newest first.
        whole: whether they are all of it.
        state: what the newest event says; None where it cannot be read.
        begun: a change that the ledger has and the refs have not followed yet.
        rewritten: what this machine saw in the ledger, and what is no longer there.
        channels: the branches that the settings call channels, production among them.
    """

    repo_id: str
    remote: str
    refs: Refs
    entries: tuple[Entry, ...]
    whole: bool
    state: State | None
    begun: Change | None
    rewritten: Rewritten | None
    channels: tuple[str, ...]


def short(sha: str | None, version: str | None = None) -> str:
    """A commit for people: `v1.0.0 (1234abcd)`, `1234abcd`, or `nothing`."""
    if sha is None:
        return "nothing"
    return f"{version} ({sha[:8]})" if version else sha[:8]
