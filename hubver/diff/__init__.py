"""What changed between two runs: every difference, which of them are causes, and which version comes next. Pure.

The parts that read weights (`hubver.diff.weights`) and that ask a Hub (`hubver.diff.revisions`) are imported by name.
"""

from __future__ import annotations

from hubver.diff.changes import FACTORS, Change, Group, Standing
from hubver.diff.compare import compare
from hubver.diff.factor import Factors, factors
from hubver.diff.propose import Proposal, bump, propose

__all__ = [
    "FACTORS",
    "Change",
    "Factors",
    "Group",
    "Proposal",
    "Standing",
    "bump",
    "compare",
    "factors",
    "propose",
]
