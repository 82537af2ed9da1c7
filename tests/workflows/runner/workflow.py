"""Workflow files with the files that they call, and what GitHub refuses before any job starts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.runner import permissions
from workflows.runner.errors import InvalidFile, Unsupported
from workflows.runner.supported import check_workflow
from workflows.runner.triggers import events_of

if TYPE_CHECKING:
    from workflows.runner.repository import Repository

# https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations#limitations
_DEEPEST = 10
_ELSEWHERE = re.compile(r"(?P<repository>[^/@]+/[^/@]+)(?P<path>/[^@]+)?@(?P<ref>.+)")
_OWN = ("./", "$/")
_PIN = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Source:
    """Where a file comes from.

    Attributes:
        ref: as written: a full branch, or the sha that a caller pins.
    """

    repository: Repository
    sha: str
    ref: str
    path: str

    @property
    def full(self):
        """As in `github.workflow_ref`."""
        return f"{self.repository.name}/{self.path}@{self.ref}"


@dataclass(frozen=True)
class Workflow:
    """A workflow file, and those that its jobs call, by job."""

    source: Source
    document: dict
    calls: dict

    @property
    def name(self):
        return self.document.get("name") or self.source.path

    @property
    def called(self):
        """What it declares for callers: inputs, secrets and outputs."""
        return events_of(self.document).get("workflow_call") or {}


def place(uses, home, repositories):
    """Where `uses: owner/name/path@sha`, or `$/path` for the repository of the file itself, points to.

    Raises:
        InvalidFile: it is not pinned by the sha of a commit.
        Unsupported: nobody told the forge about that repository.
    """
    if uses.startswith("$/"):
        return Source(home.repository, home.sha, home.ref, uses[2:])
    check_pin(uses, home)
    found = _ELSEWHERE.fullmatch(uses)
    repository = repositories.get(found["repository"])
    if repository is None:
        raise Unsupported(f"uses: {uses} (the forge has no such repository)")
    return Source(repository, found["ref"], found["ref"], (found["path"] or "/")[1:])


def check_pin(uses, home):
    """Raise InvalidFile where what a file uses of another repository is not pinned by the full sha of a commit."""
    found = _ELSEWHERE.fullmatch(uses)
    if not found:
        raise Unsupported(f"uses: {uses}")
    if not _PIN.fullmatch(found["ref"]):
        raise InvalidFile(home.path, [f"{uses} is not pinned to the full sha of a commit"])


def load(source, node, repositories, depth=1):
    """A workflow with all that it calls.

    Raises:
        InvalidFile: one of the files is not there, or GitHub refuses it.
        Unsupported: one asks for what this runner does not do.
    """
    if depth > _DEEPEST:
        raise InvalidFile(source.path, [f"more than {_DEEPEST} levels of workflows"])
    content = source.repository.read(source.sha, source.path)
    if content is None:
        raise InvalidFile(source.full, ["workflow was not found"])
    document = node.parse(source.path, content, "workflow")
    check_workflow(source.full, document)
    calls = {}
    for job_id, job in document["jobs"].items():
        for step in job.get("steps") or []:
            if not step.get("uses", "./").startswith(_OWN):
                check_pin(step["uses"], source)
        if "uses" in job:
            called = _called(job["uses"], source, repositories)
            calls[job_id] = load(called, node, repositories, depth + 1)
            if "workflow_call" not in events_of(calls[job_id].document):
                raise InvalidFile(source.path, [f"{called.full} has no trigger workflow_call"])
    return Workflow(source, document, calls)


# In a job, `./` is the repository of the file that says so, at the same commit; in a step it is the workspace.
def _called(uses, home, repositories):
    return place(f"$/{uses[2:]}" if uses.startswith("./") else uses, home, repositories)


def granted(job, document, ceiling, default):
    """The permissions of a job's token.

    Args:
        ceiling: those of the job that calls this workflow, or None.
        default: those of a workflow that nobody calls and that asks for nothing.
    """
    wanted = permissions.asked(job, document)
    if wanted is not None:
        return wanted
    return default if ceiling is None else ceiling


def startup_errors(workflow, default, ceiling=None):
    """Why GitHub does not start a run at all: a called workflow may only lower permissions, and gets what it declares."""
    errors = []
    for job_id, job in workflow.document["jobs"].items():
        own = granted(job, workflow.document, ceiling, default)
        if ceiling is not None:
            beyond = permissions.excess(own, ceiling)
            errors += [f"{workflow.source.full}: the nested job '{job_id}' {excess}" for excess in beyond]
        if job_id in workflow.calls:
            called = workflow.calls[job_id]
            errors += [f"{workflow.source.full}: job '{job_id}': {error}" for error in _mismatches(job, called.called)]
            errors += startup_errors(called, default, own)
    return errors


def _mismatches(job, declared):
    inputs, secrets = declared.get("inputs") or {}, declared.get("secrets") or {}
    given = job.get("with") or {}
    passed = job.get("secrets") or {}
    yield from (f"Invalid input, {name} is not defined in the referenced workflow" for name in set(given) - set(inputs))
    yield from (f"Input {name} is required, but not provided" for name in _required(inputs) - set(given))
    if passed != "inherit":
        yield from (f"Invalid secret, {name} is not defined" for name in set(passed) - set(secrets))
        yield from (f"Secret {name} is required, but not provided" for name in _required(secrets) - set(passed))


def _required(declared):
    return {name for name, entry in declared.items() if (entry or {}).get("required")}
