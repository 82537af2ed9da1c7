"""Tasks: examples, how a model is asked about each, and how its answers are scored. Light: declaring one needs no model.

``shared``      what all tasks over rows have in common      ``generation``  texts that go on from a prompt
``columns``     a row's columns, and templates of them       ``choice``      multiple choice and classification
``declared``    tasks by name, from ``hubver.toml``          ``perplexity``  how likely texts are
"""

from __future__ import annotations

from hubver.gate.tasks.choice import ChoiceTask
from hubver.gate.tasks.generation import Task
from hubver.gate.tasks.perplexity import PerplexityTask

__all__ = ["ChoiceTask", "PerplexityTask", "Task"]
