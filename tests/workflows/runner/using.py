"""Steps that use an action: a composite one from its files, or one of those that are carried out here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.runner.errors import StepFailed, Unsupported
from workflows.runner.expressions import Scope
from workflows.runner.supported import check_step
from workflows.runner.workflow import Source, place

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Use:
    """An action as it is used, for one that is carried out here.

    Attributes:
        given: its inputs, as texts.
        environment: what its step sets.
    """

    job: object
    name: str
    given: dict
    environment: dict

    def inputs(self, **defaults):
        """The inputs, with the defaults that the action declares.

        Raises:
            Unsupported: one is given that is not among them, and would be ignored.
        """
        names = {name.replace("_", "-"): value for name, value in defaults.items()}
        if unknown := sorted(set(self.given) - set(names)):
            raise Unsupported(f"{self.name} with {', '.join(unknown)}")
        return {**names, **self.given}

    def flag(self, value):
        """An input that is `true` or `false`."""
        if value.lower() not in {"true", "false"}:
            raise StepFailed(f"Input does not meet YAML 1.2 'Core Schema' specification: {value}")
        return value.lower() == "true"


def use(steps, step, scope, environment):
    """Carry out a step that uses an action; answer whether it succeeded, and its outputs."""
    written, job = step["uses"], steps.job
    given = scope.texts(step.get("with"))
    if written.startswith("./"):
        folder = job.workspace / written[2:]
        return _compose(steps, written, folder, steps.source, given, environment)
    name = written.partition("@")[0]
    if name in job.forge.actions:
        outputs = job.forge.actions[name](Use(job, name, given, environment)) or {}
        return True, {key: str(value) for key, value in outputs.items()}
    source = place(written, steps.source, job.forge.repositories)
    folder = job.forge.unpacked(source.repository, source.sha) / source.path
    return _compose(steps, written, folder, source, given, environment)


def _compose(steps, written, folder, source: Source, given, environment):
    job = steps.job
    manifest = next((folder / name for name in ("action.yml", "action.yaml") if (folder / name).is_file()), None)
    if manifest is None:
        hint = "Did you forget to run actions/checkout before running your local action?"
        raise StepFailed(f"Can't find 'action.yml' or 'action.yaml' under '{folder}'. {hint}")
    action = job.forge.node.parse(written, manifest.read_text(), "action")
    runs = action["runs"]
    if runs["using"] != "composite":
        raise Unsupported(f"{written}: an action that runs by {runs['using']}")
    for number, step in enumerate(runs["steps"]):
        check_step(f"{written}, step {number}", step)
    contexts = _contexts(steps, action, given, folder, source, written)
    inner = type(steps)(job, contexts, source, inside=written, environment=environment)
    succeeded = inner.execute(runs["steps"])
    scope = Scope(job.forge.node, inner.contexts)
    declared = (action.get("outputs") or {}).items()
    return succeeded, {name: scope.text(entry.get("value")) for name, entry in declared}


# https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability: an action sees no
# secrets, needs or vars, only the inputs that it is given.
def _contexts(steps, action, given, folder: Path, source, written):
    seen = {name: steps.contexts[name] for name in ("github", "runner", "job", "strategy", "matrix")}
    github = {**seen["github"], "action_path": str(folder)}
    if not written.startswith("./"):
        github |= {"action_repository": source.repository.name, "action_ref": source.ref}
    declared = action.get("inputs") or {}
    for name in sorted(set(given) - set(declared)):
        steps.job.annotate("warning", f"Unexpected input(s) '{name}', valid inputs are {sorted(declared)}")
    scope = Scope(steps.job.forge.node, {**seen, "github": github})
    inputs = {name: given.get(name, scope.text((entry or {}).get("default"))) for name, entry in declared.items()}
    return {**seen, "github": github, "inputs": inputs}
