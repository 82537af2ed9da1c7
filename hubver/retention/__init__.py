"""Retention: what of a repository nothing needs any more, proposed first, and deleted only on demand.

Never a released version or its evidence. What goes is named in the ledger with its commit, so that whoever misses it can
say what it was.
"""

from __future__ import annotations

from hubver.retention.proposal import age
from hubver.retention.pruning import Pruning, Removal, prune

__all__ = ["Pruning", "Removal", "age", "prune"]
