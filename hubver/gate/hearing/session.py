"""One gate session: it scores models, asks the policies, and keeps what they found.

pytest knows nothing of this module and this module little of pytest: the plugin's hooks hand over plain facts.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

from hubver.errors import HubverError
from hubver.gate import policies, statistics
from hubver.gate.asking.examples import BadScore
from hubver.gate.hearing.findings import Findings
from hubver.gate.hearing.soundness import Soundness
from hubver.gate.tasks.declared import declared
from hubver.gate.verdict import GateResult, TaskUsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.asking.examples import AnyTask, Examples
    from hubver.gate.asking.models import Answering
    from hubver.gate.hearing.case import Case
    from hubver.gate.hearing.scores import Scores
    from hubver.gate.verdict import Tier

    Look = Callable[[Examples, Sequence[str]], GateResult]

SEED = 0
# Then twice as many each time: a gate that is clear is decided by few, and one that is not costs no more than all.
_FIRST_LOOK = 64


class GateSession:
    """What one pytest run asks.

    Args:
        case: who stands before which gates.
        models: who answers.
        remembered: what production scored when it was judged itself; None where that is not known.

    Attributes:
        findings: everything that was found so far.
    """

    def __init__(self, case: Case, models: Answering, remembered: Scores | None = None) -> None:
        self.case = case
        self.models = models
        self.findings = Findings()
        self._remembered = remembered
        self._examples: dict[tuple[int, Path], tuple[AnyTask, Examples]] = {}
        self._declared: dict[str, AnyTask] = {}
        self.soundness = Soundness(case.candidate, models)

    def ask(self, gate: str, task: AnyTask | str, kind: str, folder: Path, look: Look, *, tier: Tier) -> GateResult:
        """Ask one policy about one task, and remember the result.

        Args:
            gate: the test that asks.
            task: what it asks about, or the name that `hubver.toml` declares it by.
            kind: the policy's name.
            folder: where the task's relative paths start.
            look: from the examples, and the ids of those to look at, to a result; it scores what it needs.
            tier: whether the result can stop a promotion.

        Raises:
            HubverError: there is no result, and the session's verdict will be an error.
        """
        try:
            task = self._named(task)
            examples = self.examples(task, folder)
            result = self._look(examples, look)
        except BadScore as error:
            result = GateResult(
                policy=kind, task=self._named(task).name, outcome="fail", reason=f"This cannot be judged: {error}."
            )
        except HubverError as error:
            self.findings.watch.broke(gate, error)
            raise
        result = result.model_copy(update={"gate": gate, "tier": tier})
        self.findings.results.append(result)
        return result

    def examples(self, task: AnyTask, folder: Path) -> Examples:
        """The task's examples, read once.

        Raises:
            BadInput: the task cannot be used, or another one has its name.
        """
        # By identity: a task may hold rows, which cannot be hashed. The session keeps it, so its id stays its own.
        key = (id(task), folder)
        if key not in self._examples:
            examples = task.load(folder, self.case.settings)
            self.findings.use(TaskUsed(name=task.name, digest=examples.digest, n=len(examples.requests)))
            self._examples[key] = (task, examples)
        return self._examples[key][1]

    @property
    def used(self) -> tuple[Examples, ...]:
        """The examples of every task that was asked about."""
        return tuple(examples for _, examples in self._examples.values())

    def scores(self, who: Contender, examples: Examples, names: Sequence[str]) -> dict[str, float]:
        """Scores of some examples, by id.

        Raises:
            BadScore: the scorer raised or gave no number in [0, 1].
            HubverError: the model cannot be loaded or run.
        """
        self._see(examples)
        known = self.findings.scores.setdefault((who.name, examples.digest), {})
        if self._remembered is not None and not known.keys() >= set(names):
            known |= self._remembered.known(who.identity, self.models.key(), examples.digest, names)
        if new := [name for name in names if name not in known]:
            asked = [request for name in new for request in examples.requests[name]]
            found = iter(
                self.models.answers(who, asked, f"scoring {len(new)} examples of {examples.task} with {who.name}")
            )
            known |= examples.scores({name: tuple(islice(found, len(examples.requests[name]))) for name in new})
        return {name: known[name] for name in names}

    def draws(self, who: Contender, examples: Examples, names: Sequence[str]) -> dict[str, list[float]]:
        """Scores of each answer that was drawn to an example, by its id.

        Raises:
            BadScore, HubverError: as `scores`.
        """
        self._see(examples)
        asked = [request for name in names for request in examples.requests[name]]
        found = iter(
            self.models.answers(who, asked, f"drawing {len(asked)} answers of {examples.task} from {who.name}")
        )
        drawn = {name: tuple(islice(found, len(examples.requests[name]))) for name in names}
        return {name: [examples.scores({name: (one,)})[name] for one in answers] for name, answers in drawn.items()}

    def completions(self, who: Contender, examples: Examples, names: Sequence[str]) -> dict[str, policies.Completion]:
        """How a contender went on from the prompts of some examples, beside how they truly go on.

        Raises:
            HubverError: the model cannot be loaded or run.
        """
        self._see(examples)
        asked = [examples.requests[name][0] for name in names]
        found = self.models.answers(who, asked, f"asking {who.name} for {len(asked)} completions of {examples.task}")
        return {
            name: policies.Completion(examples.expected.get(name, ""), str(answer))
            for name, answer in zip(names, found, strict=True)
        }

    def usage(self, examples: Examples, names: Sequence[str]) -> tuple[policies.Usage, policies.Usage | None]:
        """What candidate and production used for some examples, measured in this run; None for no production.

        Raises:
            HubverError: a model cannot be loaded or run.
        """
        self._see(examples)
        contenders = [who for who in (self.case.candidate, self.case.production) if who is not None]
        asked = [request for name in names for request in examples.requests[name]]
        found = iter(self.models.timings(contenders, asked))
        seconds: list[dict[str, float]] = [{} for _ in contenders]
        tokens: list[dict[str, float]] = [{} for _ in contenders]
        for name in names:
            parts = list(islice(found, len(examples.requests[name])))
            for at in range(len(contenders)):
                seconds[at][name] = math.fsum(part[at][0] for part in parts)
                tokens[at][name] = math.fsum(part[at][1] for part in parts)
        used = [policies.Usage(seconds[at], tokens[at], self.models.size(who)) for at, who in enumerate(contenders)]
        return used[0], used[1] if len(used) > 1 else None

    def _named(self, task: AnyTask | str) -> AnyTask:
        if not isinstance(task, str):
            return task
        if task not in self._declared:
            self._declared[task] = declared(task, self.case.settings)
        return self._declared[task]

    def _see(self, examples: Examples) -> None:
        """Asked or not: what is wrong with the candidate stops the promotion, whatever it scores."""
        for fault in self.soundness.faults(examples):
            if fault not in self.findings.watch.problems:
                self.findings.watch.problems.append(fault)

    def _look(self, examples: Examples, look: Look) -> GateResult:
        """Look at more and more examples until they decide: the evidence counts whenever one stops."""
        order = statistics.shuffled(list(examples.requests), SEED)
        if self.case.part is not None:
            mine = self.case.part.of(order)
            asked = look(examples, mine)
            reason = f"{len(mine)} of {len(order)} examples were asked about; all shards together will decide."
            return GateResult(policy=asked.policy, task=asked.task, outcome="not-applicable", reason=reason)
        size = len(order) if self.case.full else _FIRST_LOOK
        while True:
            result = look(examples, order[:size])
            if size >= len(order) or policies.settled(result, max(1, self.findings.watch.collected)):
                return result
            size *= 2


def sliced(scores: Mapping[str, float], slices: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Scores by slice, then by example id."""
    groups: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        groups.setdefault(slices[name], {})[name] = value
    return groups
