"""One gate session: it scores models, asks the policies, watches every test, and comes to a verdict.

pytest knows nothing of this module and this module little of pytest: the plugin's hooks hand over plain facts.
"""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import hubver
from hubver.errors import BadInput, HubverError
from hubver.gate import policy, statistics
from hubver.gate.examples import BadScore
from hubver.gate.provenance import gates_code
from hubver.gate.public import public
from hubver.gate.requests import Likelihood
from hubver.gate.scores import Scores
from hubver.gate.shards import Part, Shard, written
from hubver.gate.verdict import Counts, GateResult, Subject, TaskUsed, Verdict, count_gates, judge
from hubver.gate.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from hubver.gate.contenders import Contender
    from hubver.gate.examples import AnyTask, Examples
    from hubver.gate.models import Answering
    from hubver.gate.requests import Answer
    from hubver.gate.shards import CarriedAnswers
    from hubver.settings import Settings

    Look = Callable[[Examples, Sequence[str]], GateResult]

SEED = 0
# A few prompts show whether an adapter changes anything at all.
_ALIVE_PROMPTS = 8
# Any text will do: an adapter that changes anything changes how likely this is.
_PROBES = (" The answer", "\n")
# Then twice as many each time: a gate that is clear is decided by few, and one that is not costs no more than all.
_FIRST_LOOK = 64


class GateSession:
    """What one pytest run found out.

    Args:
        settings: of the project.
        candidate: what is judged.
        production: what it would replace; None on a first release.
        gates: the folder of the gates.
        started: when, for the report.
        models: who answers.
        full: look at every example, also where fewer have decided already.
        part: ask about this part of the examples only, and decide nothing; None to judge.
        remembered: what production scored when it was judged itself; None where that is not known.
    """

    def __init__(
        self,
        settings: Settings,
        candidate: Contender,
        production: Contender | None,
        gates: Path,
        started: datetime,
        *,
        models: Answering,
        full: bool = False,
        part: Part | None = None,
        remembered: Scores | None = None,
    ) -> None:
        self.settings = settings
        self.candidate = candidate
        self.production = production
        self.results: list[GateResult] = []
        self.watch = Watch()
        self.only: str | None = None
        self._gates = gates
        self._started = started
        self._clock = time.monotonic()
        self._full = full
        self.models = models
        self.part = part
        self._remembered = remembered
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
            result = self._look(examples, look)
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
        if self._remembered is not None and not known.keys() >= set(names):
            known |= self._remembered.known(who.identity, self.models.key(), examples.digest, names)
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
        base = self.candidate.base
        if base is None:
            return policy.alive(examples.task, None, n=len(prompts))
        probes = [Likelihood(prompt, _PROBES) for prompt in prompts]
        ours = self.models.answers(self.candidate, probes, "comparing candidate with its base model")
        theirs = self.models.answers(base, probes)
        return policy.alive(examples.task, _greatest_difference(ours, theirs), n=len(prompts))

    def _look(self, examples: Examples, look: Look) -> GateResult:
        """Look at more and more examples until they decide: the evidence counts whenever one stops."""
        order = statistics.shuffled(list(examples.requests), SEED)
        if self.part is not None:
            mine = self.part.of(order)
            asked = look(examples, mine)
            reason = f"{len(mine)} of {len(order)} examples were asked about; all shards together will decide."
            return GateResult(policy=asked.policy, task=asked.task, outcome="not-applicable", reason=reason)
        size = len(order) if self._full else _FIRST_LOOK
        while True:
            result = look(examples, order[:size])
            if size >= len(order) or result.outcome != "inconclusive":
                return result
            size *= 2

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

    def check(self, carried: CarriedAnswers) -> None:
        """See that carried answers are about what this session judges.

        Raises:
            BadInput: they are about other commits or gates.
        """
        repo = self.candidate.pin.repo_id if self.candidate.pin else None
        baseline = self.production.sha if self.production else None
        carried.check(repo, self.candidate.sha, baseline, gates_code(self._gates).digest)

    def shard(self, verdict: Verdict) -> Shard:
        """What this part of a gate found out.

        Args:
            verdict: of this session, which decides nothing here, but says what it was about.
        """
        part = self.part or Part(1, 1)
        taking_part = [who for who in (self.candidate, self.production, self.candidate.base) if who is not None]
        return Shard(
            repo_id=verdict.repo_id,
            candidate=verdict.candidate,
            baseline=verdict.baseline,
            gates_digest=verdict.gates_code.digest,
            index=part.index,
            count=part.count,
            tasks=verdict.tasks,
            engine=verdict.engine,
            answers={who.name: written(self.models.given(who)) for who in taking_part},
        )

    def scores_of_candidate(self) -> Scores | None:
        """What the candidate scored, for the day when it is in production; None for a local folder."""
        identity = self.candidate.identity
        if identity is None or self.part is not None:
            return None
        tasks = {digest: scores for (who, digest), scores in self._scores.items() if who == self.candidate.name}
        return Scores.of(identity, self.models.key(), tasks)

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


def _greatest_difference(ours: Sequence[Answer], theirs: Sequence[Answer]) -> float:
    """The greatest difference of a log-probability; NaN where one is no number."""
    differences = [
        abs(mine.log_probability - other.log_probability)
        for mine_all, other_all in zip(ours, theirs, strict=True)
        if not isinstance(mine_all, str) and not isinstance(other_all, str)
        for mine, other in zip(mine_all, other_all, strict=True)
    ]
    # Python's maximum may lose a NaN.
    return math.nan if any(math.isnan(value) for value in differences) else max(differences, default=0.0)


def sliced(scores: Mapping[str, float], slices: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Scores by slice, then by example id."""
    groups: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        groups.setdefault(slices[name], {})[name] = value
    return groups
