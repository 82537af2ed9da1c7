"""Statistics of bounded scores: tests by betting, intervals, and what is reported beside them. Pure and seeded.

Everything that decides uses only + - * / and square roots of doubles, which IEEE 754 rounds in one way: no library, no
BLAS and no `libm` can make two machines disagree.
"""

from __future__ import annotations

from hubver.gate.statistics.advice import examples_needed
from hubver.gate.statistics.betting import Evidence, evidence
from hubver.gate.statistics.bootstrap import bootstrap_interval
from hubver.gate.statistics.holm import holm
from hubver.gate.statistics.intervals import Interval, difference_interval, mean_interval
from hubver.gate.statistics.mcnemar import mcnemar
from hubver.gate.statistics.order import in_order, mean, shuffled
from hubver.gate.statistics.questions import Finding, ask_difference, ask_mean, ask_median_at_most

__all__ = [
    "Evidence",
    "Finding",
    "Interval",
    "ask_difference",
    "ask_mean",
    "ask_median_at_most",
    "bootstrap_interval",
    "difference_interval",
    "evidence",
    "examples_needed",
    "holm",
    "in_order",
    "mcnemar",
    "mean",
    "mean_interval",
    "shuffled",
]
