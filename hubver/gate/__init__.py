"""The gate: pytest over exact commits, with fixtures `candidate`, `production` and `gate`.

A gates file needs only this::

    from hubver.gate import Task, exact_match

    TICKETS = Task("tickets", rows="tickets.jsonl", slice_by="queue")

    def test_accuracy(gate):
        gate.floor(TICKETS, 0.9)

    def test_no_worse_than_production(gate):
        gate.no_regression(TICKETS, margin=0.02)
"""

from __future__ import annotations

from hubver.gate.rows import hub_rows
from hubver.gate.scorers import exact_match, json_match, json_valid, normalised_match
from hubver.gate.tasks import Task

__all__ = ["Task", "exact_match", "hub_rows", "json_match", "json_valid", "normalised_match"]
