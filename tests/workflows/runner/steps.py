"""The steps of a job, or of a composite action within one."""

from __future__ import annotations

import uuid

from workflows.runner import processes
from workflows.runner.commands import Listener, read_pairs
from workflows.runner.errors import InvalidExpression, InvalidFile, StepFailed, Unsupported
from workflows.runner.expressions import Scope
from workflows.runner.results import StepResult
from workflows.runner.using import use
from workflows.runner.variables import known_to_steps

_LARGEST_SUMMARY = 1024 * 1024
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
_SHELLS = {
    "": ["bash", "-e", "{0}"],
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"],
    "sh": ["sh", "-e", "{0}"],
    "python": ["python", "{0}"],
}
_FILES = ("OUTPUT", "ENV", "PATH", "STATE", "STEP_SUMMARY")
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-environment-variable
_KEPT = ("GITHUB_", "RUNNER_")


class Steps:
    """Runs steps one after another.

    Args:
        source: the file that holds the steps.
        inside: the action that they are of, as its user wrote it; none for those of the job.
        environment: what the step that uses the action sets for it.
    """

    def __init__(self, job, contexts, source, *, inside=None, environment=None):
        self.job = job
        self.source = source
        self.inside = inside
        self.contexts = {**contexts, "steps": {}}
        self._environment = environment or {}
        self._failed = False
        self._cancelled_before = False

    def execute(self, steps):
        """Run them all; answer whether none has failed."""
        for number, step in enumerate(steps):
            result = StepResult(step.get("id") or f"__{number}", _title(step), self.inside)
            self.job.result.steps.append(result)
            self._run_step(step, result)
            seen = {"outputs": result.outputs, "outcome": result.outcome, "conclusion": result.conclusion}
            self.contexts["steps"][result.id] = seen
            if result.conclusion == "failure":
                self._failed = True
                if not self.inside:
                    self.job.failed = True
        return not self._failed

    def scope(self, environment=None):
        """What expressions see now; the steps of an action have a status of their own."""
        cancelled = self.job.cancellation.cancelled
        status = "cancelled" if cancelled else "failure" if self._failed else "success"
        contexts = {
            **self.contexts,
            "job": {**self.contexts["job"], "status": status},
            "env": {**self.job.environment, **self._environment, **(environment or {})},
        }
        flags = {name: name == status for name in ("success", "failure", "cancelled")}
        return Scope(self.job.forge.node, contexts, flags, self.job.workspace)

    def _run_step(self, step, result):
        self._cancelled_before = before = self.job.cancellation.cancelled
        try:
            if not self.scope().holds(step.get("if")):
                return
            self.job.log(f"##[group]{result.name}")
            environment = {**self._environment, **self.scope().texts(step.get("env"))}
            scope = self.scope(environment)
            succeeded, result.outputs = self._carry_out(step, scope, environment)
        except (InvalidExpression, InvalidFile, StepFailed) as error:
            self.job.annotate("error", str(error))
            succeeded = False
        stopped = self.job.cancellation.cancelled and not before
        result.outcome = "success" if succeeded else "cancelled" if stopped else "failure"
        soft = result.outcome == "failure" and self.scope().flag(step.get("continue-on-error"))
        result.conclusion = "success" if soft else result.outcome

    def _carry_out(self, step, scope, environment):
        if "uses" in step:
            return use(self, step, scope, environment)
        return self._run_script(step, scope, environment)

    def _run_script(self, step, scope, environment):
        defaults = {} if self.inside else self.job.defaults
        shell = scope.text(step.get("shell") or defaults.get("shell"))
        template = _SHELLS.get(shell) or shell.split()
        if "{0}" not in template:
            raise Unsupported(f"shell: {shell}")
        script = self.job.temporary / f"{uuid.uuid4()}{'.py' if shell == 'python' else '.sh'}"
        script.write_text(scope.text(step["run"]))
        folder = scope.text(step.get("working-directory") or defaults.get("working-directory") or ".")
        if not (self.job.workspace / folder).is_dir():
            raise StepFailed(f"No such file or directory: the working directory {folder}")
        command = [str(script) if part == "{0}" else part for part in template]
        minutes = scope.value(step.get("timeout-minutes"))
        return self._spawn(command, self.job.workspace / folder, environment, minutes, _title(step))

    def _spawn(self, command, folder, environment, minutes, title):
        job = self.job
        files = {name: job.temporary / f"{name.lower()}_{uuid.uuid4()}" for name in _FILES}
        for file in files.values():
            file.touch()
        listener = Listener(job.masks, job.result.annotations)
        variables = known_to_steps(job, self.contexts["github"], {**job.environment, **environment}, files)
        try:
            code, group = processes.run(
                command,
                cwd=folder,
                environment=variables,
                hear=lambda line: self._hear(listener, line),
                cancellation=job.cancellation,
                cancelled_before=self._cancelled_before,
                timeout_s=minutes * 60 if minutes else None,
            )
            job.groups.append(group)
        except processes.TimedOut:
            raise StepFailed(f"The action '{title}' has timed out after {minutes} minutes.") from None
        except FileNotFoundError as error:
            raise StepFailed(str(error)) from None
        finally:
            self._take_summary(files["STEP_SUMMARY"])
        if code:
            job.annotate("error", f"Process completed with exit code {code}.")
        outputs = {**listener.outputs, **read_pairs(files["OUTPUT"])}
        self._take_environment(files)
        return code == 0 and not listener.failed, outputs

    def _hear(self, listener, line):
        shown = listener.hear(line.rstrip("\r\n"))
        if shown is not None:
            self.job.log(shown)

    def _take_environment(self, files):
        for name, value in read_pairs(files["ENV"]).items():
            if name == "NODE_OPTIONS":
                raise StepFailed(f"Can't store {name} output parameter using '$GITHUB_ENV' command.")
            if not name.startswith(_KEPT):
                self.job.environment[name] = value
        for folder in files["PATH"].read_text().splitlines():
            self.job.path.insert(0, folder)

    def _take_summary(self, file):
        content = file.read_text(errors="replace") if file.exists() else ""
        if len(content.encode()) > _LARGEST_SUMMARY:
            self.job.annotate("error", "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k")
        else:
            self.job.result.summary += self.job.masks.hide(content)


def _title(step):
    written = step.get("name") if isinstance(step.get("name"), str) else None
    if written:
        return written
    script = step.get("run")
    return (
        step["uses"] if script is None else script.strip().partition("\n")[0] if isinstance(script, str) else "script"
    )
