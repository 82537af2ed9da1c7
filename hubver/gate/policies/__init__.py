"""From scores to a result. Pure: no model, no file, no clock; every rule of the gate is here, and each fails closed.

A threshold is decided by evidence that holds whenever one stops, so a policy may be asked about a growing first part of
a task's examples: a candidate whose truth lies beyond the threshold passes at any time with probability at most alpha,
and one whose truth is fine fails at any time with probability at most alpha. All that is neither is inconclusive.

All gates and all slices must pass, so a false pass needs no correction: what is truly beyond its threshold stops the
promotion unless it alone passes. What many gates and slices make likelier is a false fail, and Holm corrects for that.
"""

from __future__ import annotations

from hubver.gate.policies.budget import Usage, budget
from hubver.gate.policies.comparisons import no_regression, retained
from hubver.gate.policies.family import settled, with_holm
from hubver.gate.policies.floors import floor, steady
from hubver.gate.policies.liveness import alive
from hubver.gate.policies.memorisation import Completion, memorisation
from hubver.gate.policies.shared import ALPHA
from hubver.gate.policies.slices import worst_slice

__all__ = [
    "ALPHA",
    "Completion",
    "Usage",
    "alive",
    "budget",
    "floor",
    "memorisation",
    "no_regression",
    "retained",
    "settled",
    "steady",
    "with_holm",
    "worst_slice",
]
