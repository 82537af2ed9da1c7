"""The gate: pytest over exact commits, with fixtures `candidate`, `production` and `gate`.

A gates file needs only this::

    import pytest
    from hubver.gate import ChoiceTask, Task, token_f1

    TICKETS = Task("tickets", rows="tickets.jsonl", scorer=token_f1, slice_by="queue")
    TOPICS = ChoiceTask("topics", rows="topics.csv", choices=["billing", "delivery"], answer="topic")

    @pytest.mark.parametrize("task", [TICKETS, TOPICS], ids=lambda task: task.name)
    def test_no_worse_than_production(gate, task):
        gate.no_regression(task, margin=0.02)

    def test_accuracy(gate):
        gate.floor("amounts", 0.9)  # declared in hubver.toml, as [tasks.amounts]

    def test_is_brief(candidate):
        assert all(len(text) < 500 for text in candidate.generate(["Say hello.", "Say goodbye."]))
"""

from __future__ import annotations

from hubver.gate.backends import lm_eval_task
from hubver.gate.rows import hub_rows, hub_split
from hubver.gate.scorers import (
    batched,
    bleu,
    chrf,
    exact_match,
    json_fields,
    json_match,
    json_valid,
    metric,
    normalised_match,
    regex,
    rouge,
    token_f1,
)
from hubver.gate.tasks import ChoiceTask, PerplexityTask, Task

__all__ = [
    "ChoiceTask",
    "PerplexityTask",
    "Task",
    "batched",
    "bleu",
    "chrf",
    "exact_match",
    "hub_rows",
    "hub_split",
    "json_fields",
    "json_match",
    "json_valid",
    "lm_eval_task",
    "metric",
    "normalised_match",
    "regex",
    "rouge",
    "token_f1",
]
