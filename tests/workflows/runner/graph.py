"""The jobs of one workflow file within a run: in the order of their needs, side by side where they can."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from workflows.runner import matrix
from workflows.runner.cancellation import Cancellation
from workflows.runner.commands import Annotation
from workflows.runner.concurrency import group_of
from workflows.runner.errors import InvalidExpression
from workflows.runner.expressions import Scope, is_expression
from workflows.runner.job import Job
from workflows.runner.results import JobResult, Outcome, together
from workflows.runner.triggers import InvalidInputs, typed_inputs
from workflows.runner.workflow import Workflow, granted


@dataclass(frozen=True)
class Secrets:
    """The secrets that a workflow file may see.

    Attributes:
        passed: names that its caller has passed, or None where all are open to it. A secret of an environment is seen
            only under such a name, and wins over the value that was passed
            (https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows#passing-inputs-and-secrets-to-a-reusable-workflow).
    """

    values: dict
    passed: frozenset | None = None

    def within(self, environment):
        """The same in a job of an environment."""
        own = environment.secrets if environment else {}
        return {**self.values, **{name: own[name] for name in own if self.passed is None or name in self.passed}}


@dataclass
class Leg:
    """One job of a matrix, or the only one.

    Attributes:
        name: as in the results.
        contexts: what its expressions see.
        permissions: of its token, or of what it calls at most.
    """

    job_id: str
    name: str
    spec: dict
    contexts: dict
    permissions: dict
    cancellation: Cancellation
    groups: list = field(default_factory=list)


class Graph:
    """Runs the jobs of one workflow file.

    Args:
        prefix: the names of the jobs that called it.
        ceiling: the permissions of the job that called it, or None.
        held: the concurrency groups in which the run, and the calls that led here, have their turn.
    """

    def __init__(self, run, workflow: Workflow, *, inputs, secrets, ceiling=None, prefix="", held=frozenset()):
        self.run = run
        self.workflow = workflow
        self.inputs = inputs
        self.secrets = secrets
        self._ceiling = ceiling
        self._prefix = prefix
        self._held = held
        self._jobs = workflow.document["jobs"]

    def execute(self):
        """Run all jobs; answer their outcomes by id."""
        done, running = {}, {}
        with ThreadPoolExecutor(len(self._jobs)) as pool:
            while len(done) < len(self._jobs):
                for job_id in self._jobs:
                    ready = all(need in done for need in self._needs(job_id))
                    if ready and job_id not in done and job_id not in running.values():
                        running[pool.submit(self._run_job, job_id, dict(done))] = job_id
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done[running.pop(future)] = future.result()
        return done

    def scope(self, contexts, status=None):
        return Scope(self.run.forge.node, contexts, **({"status": status} if status else {}))

    def _needs(self, job_id):
        needs = self._jobs[job_id].get("needs") or []
        return [needs] if isinstance(needs, str) else needs

    def _before(self, job_id):
        direct = self._needs(job_id)
        return set(direct).union(*(self._before(need) for need in direct))

    # "failure() returns true if any ancestor job fails"; success() asks the same of all of them, so that a skipped job
    # skips whatever depends on it.
    def _status(self, job_id, done):
        before = [done[other].result for other in self._before(job_id)]
        cancelled = self.run.cancellation.cancelled
        return {
            "success": not cancelled and all(result == "success" for result in before),
            "failure": not cancelled and "failure" in before,
            "cancelled": cancelled,
        }

    def _run_job(self, job_id, done):
        contexts = {
            "github": self.run.github(job_id),
            "inputs": self.inputs,
            "vars": self.run.repository.variables,
            "needs": {need: done[need].as_context() for need in self._needs(job_id)},
        }
        spec = self._jobs[job_id]
        try:
            if not self.scope(contexts, self._status(job_id, done)).holds(spec.get("if")):
                self.run.record(JobResult(self._prefix + _shown(job_id, spec)))
                return Outcome("skipped", {})
            legs, strategy = self._legs(job_id, spec, contexts)
        except InvalidExpression as error:
            note = Annotation("error", str(error))
            self.run.record(JobResult(self._prefix + _shown(job_id, spec), annotations=[note]).end("failure"))
            return Outcome("failure", {})
        return self._run_legs(legs, strategy)

    def _legs(self, job_id, spec, contexts):
        scope = self.scope(contexts)
        written = spec.get("strategy") or {}
        found = matrix.legs(scope.value(written.get("matrix")))
        strategy = {"fail-fast": True, "max-parallel": len(found)}
        strategy |= {name: scope.value(value) for name, value in written.items() if name != "matrix"}
        permissions = granted(spec, self.workflow.document, self._ceiling, self.run.default_permissions)
        siblings = Cancellation(self.run.cancellation)
        legs = []
        for number, values in enumerate(found):
            counted = {**strategy, "job-index": number, "job-total": len(found)}
            seen = {**contexts, "matrix": values, "strategy": counted}
            name = self._prefix + self._name(job_id, spec, seen, values)
            legs.append(Leg(job_id, name, spec, seen, permissions, siblings))
        return legs, strategy

    # A name that is computed stands for itself; to any other the values of the matrix are added.
    def _name(self, job_id, spec, seen, values):
        if is_expression(spec.get("name")):
            return self.scope(seen).text(spec["name"]) or job_id
        return matrix.label(_shown(job_id, spec), values)

    def _run_legs(self, legs, strategy):
        with ThreadPoolExecutor(min(len(legs), int(strategy["max-parallel"]))) as pool:
            outcomes = list(pool.map(lambda leg: self._run_leg(leg, fail_fast=strategy["fail-fast"]), legs))
        # GitHub keeps the value of the job that ended last; here the last one in the matrix, so that it is always the same.
        outputs = {name: value for outcome in outcomes for name, value in outcome.outputs.items() if value}
        empty = {name: "" for outcome in outcomes for name in outcome.outputs}
        return Outcome(together([outcome.result for outcome in outcomes]), {**empty, **outputs})

    def _run_leg(self, leg, *, fail_fast):
        leg.cancellation = siblings = leg.cancellation
        if siblings.cancelled and not self.run.cancellation.cancelled:
            self.run.record(JobResult(leg.name).end("cancelled"))
            return Outcome("cancelled", {})
        leg.cancellation = Cancellation(siblings)
        concurrency = self.scope(leg.contexts).value(leg.spec.get("concurrency"))
        self._refuse_deadlock(concurrency, leg)
        with self.run.turn(concurrency, leg.name, leg.cancellation) as may_run:
            if not may_run:
                result = JobResult(leg.name, annotations=[Annotation("error", leg.cancellation.reason)])
                self.run.record(result.end("cancelled"))
                return Outcome("cancelled", {})
            outcome = self._call(leg) if "uses" in leg.spec else Job(self, leg).execute()
        if outcome.result == "failure" and fail_fast:
            siblings.cancel("The strategy configuration was canceled because a job failed")
        return outcome

    # Who waits for a turn that its own caller has would wait for ever; GitHub cancels it.
    def _refuse_deadlock(self, concurrency, leg):
        if concurrency and group_of(concurrency) in self._held:
            leg.cancellation.cancel(
                f"Canceling since a deadlock for concurrency group '{group_of(concurrency)}' was detected"
            )

    def _call(self, leg):
        called = self.workflow.calls[leg.job_id]
        scope = self.scope({**leg.contexts, "secrets": self.secrets.values})
        try:
            given = scope.value(leg.spec.get("with") or {})
            inputs = typed_inputs(called.called.get("inputs") or {}, given, self.scope(leg.contexts))
            outer = self.scope(leg.contexts).value(leg.spec.get("concurrency"))
            concurrency = self.scope({**leg.contexts, "inputs": inputs}).value(called.document.get("concurrency"))
        except (InvalidExpression, InvalidInputs) as error:
            self.run.record(JobResult(leg.name, annotations=[Annotation("error", str(error))]).end("failure"))
            return Outcome("failure", {})
        graph = Graph(
            self.run,
            called,
            inputs=inputs,
            secrets=self._passed(leg.spec.get("secrets"), scope),
            ceiling=leg.permissions,
            prefix=f"{leg.name} / ",
            held=self._held | {group_of(one) for one in (outer, concurrency) if one},
        )
        self._refuse_deadlock(concurrency, leg)
        with self.run.turn(concurrency, leg.name, leg.cancellation) as may_run:
            if not may_run:
                self.run.record(JobResult(leg.name).end("cancelled"))
                return Outcome("cancelled", {})
            outcomes = graph.execute()
        return Outcome(together([outcome.result for outcome in outcomes.values()]), graph.outputs(outcomes))

    def _passed(self, written, scope):
        if written == "inherit":
            return self.secrets
        values = scope.texts(written)
        names = frozenset(values) if self.secrets.passed is None else frozenset(values) & self.secrets.passed
        return Secrets(values, names)

    def outputs(self, outcomes):
        """The outputs that this file declares for its callers."""
        jobs = {job_id: outcome.as_context() for job_id, outcome in outcomes.items()}
        github = self.run.github(next(iter(self._jobs)))
        scope = self.scope(
            {"jobs": jobs, "github": github, "inputs": self.inputs, "vars": self.run.repository.variables}
        )
        return {name: scope.text(entry["value"]) for name, entry in (self.workflow.called.get("outputs") or {}).items()}


def _shown(job_id, spec):
    return spec["name"] if isinstance(spec.get("name"), str) else job_id
