"""What must hold before a router goes to production."""

from __future__ import annotations

from hubver.gate import Task, exact_match

TICKETS = Task("tickets", rows="tickets.jsonl", scorer=exact_match, slice_by="queue", max_new_tokens=24)


def test_the_adapter_changes_the_answers(gate):
    gate.alive(TICKETS)


def test_routes_well_enough(gate):
    gate.floor(TICKETS, 0.25)


def test_no_queue_is_forgotten(gate):
    gate.worst_slice(TICKETS, floor=0.15, margin=0.15)


def test_no_worse_than_production(gate):
    gate.no_regression(TICKETS, margin=0.05)
