"""Channels: what runs in them, moved forward by a verdict and back by a rollback.

Each change is one line in the ledger and one push that moves the channel's branch from the commit that was read and
creates the tags: together, or not at all, and at the same cost for a model of any size.
"""

from __future__ import annotations

from hubver.release.candidate import Promotion
from hubver.release.promoting import promote
from hubver.release.quarantining import Quarantine, quarantine
from hubver.release.rolling_back import Rollback, rollback

__all__ = ["Promotion", "Quarantine", "Rollback", "promote", "quarantine", "rollback"]
