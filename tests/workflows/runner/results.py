"""What became of runs, jobs and steps."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class StepResult:
    """A step of a job.

    Attributes:
        name: its name, or what it runs or uses.
        inside: the action that it is a step of, if any.
        outcome: `success`, `failure`, `cancelled` or `skipped`.
        conclusion: the same after `continue-on-error`.
    """

    id: str
    name: str
    inside: str | None = None
    outcome: str = "skipped"
    conclusion: str = "skipped"
    outputs: dict = field(default_factory=dict)


@dataclass
class JobResult:
    """A job of a run.

    Attributes:
        name: as GitHub shows it, with the jobs that called it and its values of a matrix: `release / gate / shard (1)`.
        result: `success`, `failure`, `cancelled` or `skipped`.
        conclusion: the same after `continue-on-error`, as later jobs see it.
        permissions: of its token.
        environment: the environment it named, if any.
        environment_url: what it said to be seen there.
        log: as anybody reads it: with secrets hidden.
    """

    name: str
    result: str = "skipped"
    conclusion: str = "skipped"
    outputs: dict = field(default_factory=dict)
    permissions: dict = field(default_factory=dict)
    environment: str | None = None
    environment_url: str | None = None
    steps: list = field(default_factory=list)
    annotations: list = field(default_factory=list)
    log: str = ""
    summary: str = ""

    def step(self, name):
        """The step of that id or name."""
        return next(step for step in self.steps if name in {step.id, step.name})

    def end(self, result, outputs=None):
        self.result = self.conclusion = result
        self.outputs = outputs or {}
        return self


@dataclass(frozen=True)
class Outcome:
    """A job as others see it in `needs`."""

    result: str
    outputs: dict

    def as_context(self):
        return {"result": self.result, "outputs": self.outputs}


def together(results):
    """The result of jobs that count as one; what was skipped counts where nothing else is."""
    return next((worst for worst in ("failure", "cancelled", "success") if worst in results), "skipped")
