"""An event in a few words, for results that people and machines read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hubver.hub.events import Event


@dataclass(frozen=True)
class Told:
    """One event of the ledger, in short.

    Attributes:
        sha: its ledger commit.
        kind: `promote`, `rollback`, ...
        title: one line for people.
        at: when, in UTC, by the clock of whoever acted.
        actor: who.
        run_url: the page of the CI run that acted.
    """

    sha: str
    kind: str
    title: str
    at: datetime
    actor: str
    run_url: str | None

    @classmethod
    def of(cls, sha: str, event: Event) -> Told:
        """The event of a ledger commit."""
        return cls(sha, event.kind, event.title, event.at, event.actor, event.run_url)
