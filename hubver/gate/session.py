"""One gate session: it scores models, asks the policies, watches every test, and comes to a verdict.

pytest knows nothing of this module and this module little of pytest: the plugin's hooks hand over plain facts.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import hubver
from hubver.errors import BadInput, HubverError
from hubver.gate import policy
from hubver.gate.examples import BadScore
from hubver.gate.models import Models
from hubver.gate.provenance import gates_code
from hubver.gate.public import public
from hubver.gate.verdict import Counts, GateResult, Subject, TaskUsed, Verdict, count_gates, judge
from hubver.gate.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from hubver.gate.contenders import Contender
    from hubver.gate.examples import AnyTask, Examples
    from hubver.settings import Settings

    Look = Callable[[Examples, Sequence[str]], GateResult]

SEED = 0
# A few prompts show whether an adapter changes anything at all.
_ALIVE_PROMPTS = 8


class GateSession:
    """What one pytest run found out.

    Args:
        settings: of the project.
        candidate: what is judged.
        production: what it would replace; None on a first release.
        gates: the folder of the gates.
        started: when, for the report.
        tell: told, before each step that may take long, what it is.
    """

    def __init__(
        self,
        settings: Settings,
        candidate: Contender,
        production: Contender | None,
        gates: Path,
        started: datetime,
        *,
        tell: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.candidate = candidate
        self.production = production
        self.results: list[GateResult] = []
        self.watch = Watch()
        self._gates = gates
        self._started = started
        self._clock = time.monotonic()
        self.models = Models(settings, tell)
        self._scores: dict[tuple[str, str], dict[str, float]] = {}
        self._examples: dict[tuple[int, Path], tuple[AnyTask, Examples]] = {}
        self._tasks: dict[str, TaskUsed] = {}
        self._liveness_seen = False

    def ask(self, gate: str, task: AnyTask, kind: str, folder: Path, look: Look) -> GateResult:
        """Ask one policy about one task, and remember the result.

        Args:
            gate: the test that asks.
            task: what it asks about.
            kind: the policy's name.
            folder: where the task's relative paths start.
            look: from the examples, and the ids of those to look at, to a result; it scores what it needs.

        Raises:
            HubverError: there is no result, and the session's verdict will be an error.
        """
        try:
            examples = self.examples(task, folder)
            result = look(examples, list(examples.requests))
        except BadScore as error:
            result = GateResult(policy=kind, task=task.name, outcome="fail", reason=f"This cannot be judged: {error}.")
        except HubverError as error:
            self.watch.broke(gate, error)
            raise
        result = result.model_copy(update={"gate": gate})
        self.results.append(result)
        return result

    def examples(self, task: AnyTask, folder: Path) -> Examples:
        """The task's examples, read once.

        Raises:
            BadInput: the task cannot be used, or another one has its name.
        """
        # By identity: a task may hold rows, which cannot be hashed. The session keeps it, so its id stays its own.
        key = (id(task), folder)
        if key not in self._examples:
            examples = task.load(folder, self.settings)
            used = TaskUsed(name=task.name, digest=examples.digest, n=len(examples.requests))
            if self._tasks.setdefault(task.name, used) != used:
                raise BadInput(f"Two different tasks are called {task.name!r}.", hint="Give each task its own name.")
            self._examples[key] = (task, examples)
        return self._examples[key][1]

    def scores(self, who: Contender, examples: Examples, names: Sequence[str]) -> dict[str, float]:
        """Scores of some examples, by id.

        Raises:
            BadScore: the scorer raised or gave no number in [0, 1].
            HubverError: the model cannot be loaded or run.
        """
        self._see_liveness(examples)
        known = self._scores.setdefault((who.name, examples.digest), {})
        if new := [name for name in names if name not in known]:
            asked = [request for name in new for request in examples.requests[name]]
            found = iter(
                self.models.answers(who, asked, f"scoring {len(new)} examples of {examples.task} with {who.name}")
            )
            known |= examples.scores({name: tuple(islice(found, len(examples.requests[name]))) for name in new})
        return {name: known[name] for name in names}

    def alive(self, examples: Examples) -> GateResult:
        """Whether the candidate differs from its base at all, on a few of the examples.

        Raises:
            HubverError: a model cannot be fetched, loaded or run.
        """
        prompts = [examples.requests[name][0].prompt for name in sorted(examples.requests)[:_ALIVE_PROMPTS]]
        difference = self.models.difference_from_base(self.candidate, prompts)
        return policy.alive(examples.task, difference, n=len(prompts))

    def verdict(self, exit_status: int) -> Verdict:
        """Come to a verdict.

        Args:
            exit_status: what pytest itself found; see `pytest.ExitCode`.
        """
        results = tuple(self.results)
        self.watch.finish(exit_status, results)
        problems = tuple(self.watch.problems)
        found = count_gates(results)
        counts = Counts(
            collected=self.watch.collected,
            tests_failed=self.watch.failed,
            skipped=self.watch.skipped,
            deselected=self.watch.deselected,
            not_run=self.watch.not_run,
            passed=found["pass"],
            failed=found["fail"],
            inconclusive=found["inconclusive"],
            not_applicable=found["not-applicable"],
        )
        return Verdict(
            repo_id=self.candidate.pin.repo_id if self.candidate.pin else None,
            candidate=self._subject(self.candidate),
            baseline=self._subject(self.production) if self.production else None,
            outcome="error" if self.watch.error_code else judge(results, problems, counts),
            gates=tuple(GateResult.model_validate(self._public(result.model_dump())) for result in results),
            problems=self._public(problems),
            counts=counts,
            gates_code=gates_code(self._gates),
            tasks=tuple(self._tasks[name] for name in sorted(self._tasks)),
            engine=self.models.settings(),
            seeds={"order_of_bets": SEED},
            hubver_version=hubver.__version__,
            created=self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_seconds=round(time.monotonic() - self._clock, 3),
        )

    def exit_code(self, verdict: Verdict) -> int:
        """The code that pytest exits with: 0 pass, 1 no, 2 wrong input, 3 the harness failed."""
        return self.watch.error_code or (0 if verdict.passed else 1)

    def _subject(self, who: Contender) -> Subject:
        return Subject(revision=self._public(who.revision), sha=who.sha)

    def _public(self, value: Any) -> Any:
        return public(value, (self.settings.root, self._gates))

    def _see_liveness(self, examples: Examples) -> None:
        """Once a session, asked or not: an adapter that was silently not applied would be judged as its base."""
        if self._liveness_seen:
            return
        self._liveness_seen = True
        result = self.alive(examples)
        if result.outcome == "fail":
            self.watch.problems.append(result.reason)


def sliced(scores: Mapping[str, float], slices: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Scores by slice, then by example id."""
    groups: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        groups.setdefault(slices[name], {})[name] = value
    return groups
