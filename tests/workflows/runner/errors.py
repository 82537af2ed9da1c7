"""What can be wrong with a workflow, and with asking this runner for it."""

from __future__ import annotations


class Unsupported(Exception):
    """GitHub may do this and this runner does not: the test that asked for it fails."""


class InvalidFile(Exception):
    """GitHub refuses a workflow or an action as it is written."""

    def __init__(self, name, errors):
        super().__init__("\n".join(f"{name}: {error}" for error in errors))
        self.errors = errors


class InvalidExpression(Exception):
    """An expression that cannot be evaluated; the job that holds it fails."""


class StepFailed(Exception):
    """An action has failed, and says why."""


class Cancelled(Exception):
    """The job was told to stop."""
