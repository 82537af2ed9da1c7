"""Runs GitHub workflows on this machine, from their YAML to what they do.

GitHub's own parser and expression engine read the workflows; bash runs the scripts; git repositories, artifacts, caches,
tokens and id tokens are real. What GitHub does is told from its documentation, with the page beside each rule. What is not
carried out raises `Unsupported`: nothing of a workflow is ignored.
"""

from __future__ import annotations

from workflows.runner.commands import Annotation
from workflows.runner.errors import InvalidFile, StepFailed, Unsupported
from workflows.runner.forge import Forge, finished
from workflows.runner.node import SCRIPTS, Node
from workflows.runner.repository import Environment, Repository, Review
from workflows.runner.results import JobResult, StepResult
from workflows.runner.run import Run

__all__ = [
    "SCRIPTS",
    "Annotation",
    "Environment",
    "Forge",
    "InvalidFile",
    "JobResult",
    "Node",
    "Repository",
    "Review",
    "Run",
    "StepFailed",
    "StepResult",
    "Unsupported",
    "finished",
]
