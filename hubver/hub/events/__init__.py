"""What the ledger can say: one document for each thing that happens to a model repository. Pure.

Every event states the release state **after** it, carried over from the event before, so that the newest event alone
tells where each channel is and which rollback points lead back, however long the history.
"""

from __future__ import annotations

from hubver.hub.events.kinds import (
    Adopted,
    Change,
    Event,
    Judged,
    Promoted,
    Pruned,
    Published,
    Quarantined,
    RolledBack,
    Signed,
    Source,
    Unjudged,
    read_event,
)
from hubver.hub.events.state import MOST_ROLLBACK_POINTS, Channel, Release, RollbackPoint, State

__all__ = [
    "MOST_ROLLBACK_POINTS",
    "Adopted",
    "Change",
    "Channel",
    "Event",
    "Judged",
    "Promoted",
    "Pruned",
    "Published",
    "Quarantined",
    "Release",
    "RollbackPoint",
    "RolledBack",
    "Signed",
    "Source",
    "State",
    "Unjudged",
    "read_event",
]
