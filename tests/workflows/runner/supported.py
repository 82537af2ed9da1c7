"""What of a workflow this runner carries out; anything else stops the test, so that nothing is ignored silently."""

from __future__ import annotations

from workflows.runner.errors import Unsupported

_WORKFLOW = {"name", "run-name", "description", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
_ANY_JOB = {"name", "needs", "if", "permissions", "concurrency", "strategy"}
_JOB = _ANY_JOB | {
    "runs-on",
    "environment",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "continue-on-error",
}
_CALL = _ANY_JOB | {"uses", "with", "secrets"}
_ANY_STEP = {"id", "name", "if", "env", "continue-on-error", "timeout-minutes"}
_RUN_STEP = _ANY_STEP | {"run", "shell", "working-directory"}
_USES_STEP = _ANY_STEP | {"uses", "with"}


def check_workflow(name, document):
    """Raise Unsupported where a workflow has a part that would not be carried out."""
    _known(name, document, _WORKFLOW)
    for job_id, job in document["jobs"].items():
        where = f"{name}, job {job_id}"
        _known(where, job, _CALL if "uses" in job else _JOB)
        for number, step in enumerate(job.get("steps") or []):
            check_step(f"{where}, step {number}", step)


def check_step(where, step):
    """The same for a step of a job or an action."""
    _known(where, step, _USES_STEP if "uses" in step else _RUN_STEP)


def _known(where, written, keys):
    if unknown := sorted(set(written) - keys):
        raise Unsupported(f"{where}: {', '.join(unknown)}")
