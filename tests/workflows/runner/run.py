"""One run of a workflow, from the event to its last job."""

from __future__ import annotations

import copy
import itertools
import json
import threading
from contextlib import contextmanager, suppress

from workflows.runner import permissions
from workflows.runner.artifacts import Artifacts
from workflows.runner.cancellation import Cancellation
from workflows.runner.concurrency import Ticket, group_of
from workflows.runner.errors import InvalidExpression, InvalidFile, Unsupported
from workflows.runner.expressions import Scope
from workflows.runner.graph import Graph, Secrets
from workflows.runner.results import together
from workflows.runner.triggers import events_of, typed_inputs
from workflows.runner.workflow import Source, load, startup_errors

_SERVER = "https://github.com"
_GIVE_UP_S = 300


class Run:
    """A workflow that an event has started.

    Attributes:
        state: `queued`, `pending` (for its concurrency group), `waiting` (for a reviewer), `in_progress`, `completed`.
        result: `success`, `failure`, `cancelled`, `skipped`, or `startup_failure` with the reason in `error`.
        jobs: what became of each job, by its name; in the order in which they ended.
    """

    def __init__(self, forge, event, source: Source, number):
        self.forge, self.event, self.number = forge, event, number
        self.repository = event.repository
        self.source = source
        self.name = source.path
        self.result, self.error = None, None
        self._state, self._waits = "queued", []
        self.jobs = {}
        self.event_payload = event.payload
        self.cancellation = Cancellation()
        self.folder = forge.folder / "runs" / str(number)
        self.artifacts = Artifacts(self.folder / "artifacts")
        self._folders = itertools.count(1)
        self._changed = threading.Condition()
        self._broken = None
        self._thread = threading.Thread(target=self._execute, name=f"run {number}", daemon=True)

    def check_inputs(self):
        """Raise InvalidInputs where a workflow that is started by hand gets others than it declares."""
        with suppress(InvalidFile, Unsupported):
            self._inputs(load(self.source, self.forge.node, self.forge.repositories))

    def start(self):
        self._thread.start()
        return self

    def wait(self):
        """Wait until it is over; answer the run.

        Raises:
            Unsupported: it asked for something that this runner does not do; told once.
        """
        self.until("completed")
        self._thread.join()
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        return self

    def until(self, state):
        """Wait until it is, or has been overtaken in being, in a state."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.state in {state, "completed"}, _GIVE_UP_S):
                raise TimeoutError(f"run {self.number} is still {self.state}, not {state}")
        return self

    def cancel(self):
        """Cancel it, as a person may."""
        self.cancellation.cancel("The run was canceled by dev.")

    @property
    def state(self):
        return self._waits[-1] if self._waits else self._state

    @property
    def default_permissions(self):
        return permissions.DEFAULTS[self.repository.default_permissions]

    def record(self, result):
        with self._changed:
            self.jobs[result.name] = result

    def new_folder(self):
        """A folder that nothing else uses."""
        return self.folder / "jobs" / str(next(self._folders))

    def github(self, job_id):
        """The `github` context of its jobs: always about the workflow that the event started."""
        event, repository = self.event, self.repository
        return {
            "actor": event.actor,
            "actor_id": "1001",
            "api_url": self.forge.api_url,
            "base_ref": event.base_ref,
            "event": self.event_payload,
            "event_name": event.name,
            "head_ref": event.head_ref,
            "job": job_id,
            "ref": event.ref,
            "ref_name": event.ref.split("/", 2)[2],
            "ref_type": "tag" if event.ref.startswith("refs/tags/") else "branch",
            "repository": repository.name,
            "repository_owner": repository.owner,
            "repositoryUrl": f"git://github.com/{repository.name}.git",
            "run_attempt": "1",
            "run_id": str(self.number),
            "run_number": str(self.number),
            "server_url": _SERVER,
            "sha": event.sha,
            "triggering_actor": event.actor,
            "workflow": self.name,
            "workflow_ref": self.source.full,
            "workflow_sha": self.source.sha,
        }

    @contextmanager
    def waiting(self, state):
        """Be in another state while the block lasts, as far as no other job waits for something."""
        with self._changed:
            self._waits.append(state)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waits.remove(state)
                self._changed.notify_all()

    @contextmanager
    def turn(self, concurrency, name, cancellation):
        """Wait for a turn in a concurrency group, and give it back; yields whether it came."""
        if not concurrency or cancellation.cancelled:
            yield not cancellation.cancelled
            return
        wanted = {"group": concurrency} if isinstance(concurrency, str) else concurrency
        ticket = Ticket(f"{self.number}: {name}", cancellation.cancel)
        groups = self.repository.groups
        in_progress = wanted.get("cancel-in-progress") in {True, "true"}
        groups.enter(wanted["group"], ticket, cancel_in_progress=in_progress, queue=wanted.get("queue", "single"))
        try:
            if not ticket.turn.is_set():
                with self.waiting("pending"), cancellation.calling(lambda _: ticket.turn.set()):
                    if not cancellation.cancelled:
                        ticket.turn.wait(_GIVE_UP_S)
            yield ticket.turn.is_set() and not cancellation.cancelled
        finally:
            groups.leave(wanted["group"], ticket)

    def _become(self, state):
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _execute(self):
        try:
            self.result = self._carry_out()
        except (InvalidExpression, InvalidFile) as error:
            self.result, self.error = "startup_failure", str(error)
        except Exception as error:  # noqa: BLE001 - whoever waits for the run gets it
            self.result, self._broken = "failure", error
        finally:
            self._become("completed")

    def _carry_out(self):
        workflow = load(self.source, self.forge.node, self.forge.repositories)
        self.name = workflow.name
        inputs = self._inputs(workflow)
        if errors := startup_errors(workflow, self.default_permissions):
            raise InvalidFile(self.source.path, errors)
        contexts = {"github": self.github(""), "inputs": inputs, "vars": self.repository.variables}
        concurrency = Scope(self.forge.node, contexts).value(workflow.document.get("concurrency"))
        # A fork's pull request knows no secret:
        # https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
        secrets = Secrets({}, frozenset()) if self.event.fork else Secrets(self.repository.secrets)
        with self.turn(concurrency, "workflow", self.cancellation) as may_run:
            if not may_run:
                self.error = self.cancellation.reason
                return "cancelled"
            self._become("in_progress")
            held = frozenset([group_of(concurrency)] if concurrency else [])
            outcomes = Graph(self, workflow, inputs=inputs, secrets=secrets, held=held).execute()
        return "cancelled" if self.cancellation.cancelled else together([one.result for one in outcomes.values()])

    def _inputs(self, workflow):
        if self.event.name != "workflow_dispatch":
            return {}
        declared = (events_of(workflow.document)["workflow_dispatch"] or {}).get("inputs") or {}
        known = {"github": self.github(""), "vars": self.repository.variables}
        scope = Scope(self.forge.node, known)
        inputs = typed_inputs(declared, self.event.inputs, scope, empty_is_missing=True)
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in inputs.items()}
        self.event_payload = {**copy.deepcopy(self.event.payload), "inputs": texts, "workflow": self.source.path}
        return inputs
