"""One gate session: it scores models, asks the policies, and keeps what they found.

pytest knows nothing of this module and this module little of pytest: the plugin's hooks hand over plain facts.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

from hubver.errors import HubverError
from hubver.gate import policies, statistics
from hubver.gate.examples import BadScore
from hubver.gate.findings import Findings
from hubver.gate.requests import Likelihood
from hubver.gate.verdict import GateResult, TaskUsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hubver.gate.case import Case
    from hubver.gate.contenders import Contender
    from hubver.gate.examples import AnyTask, Examples
    from hubver.gate.models import Answering
    from hubver.gate.requests import Answer
    from hubver.gate.scores import Scores

    Look = Callable[[Examples, Sequence[str]], GateResult]

SEED = 0
# A few prompts show whether an adapter changes anything at all.
_ALIVE_PROMPTS = 8
# Any text will do: an adapter that changes anything changes how likely this is.
_PROBES = (" The answer", "\n")
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
            self.findings.watch.broke(gate, error)
            raise
        result = result.model_copy(update={"gate": gate})
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

    def scores(self, who: Contender, examples: Examples, names: Sequence[str]) -> dict[str, float]:
        """Scores of some examples, by id.

        Raises:
            BadScore: the scorer raised or gave no number in [0, 1].
            HubverError: the model cannot be loaded or run.
        """
        self._see_liveness(examples)
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

    def alive(self, examples: Examples) -> GateResult:
        """Whether the candidate differs from its base at all, on a few of the examples.

        Raises:
            HubverError: a model cannot be fetched, loaded or run.
        """
        prompts = [examples.requests[name][0].prompt for name in sorted(examples.requests)[:_ALIVE_PROMPTS]]
        base = self.case.candidate.base
        if base is None:
            return policies.alive(examples.task, None, n=len(prompts))
        probes = [Likelihood(prompt, _PROBES) for prompt in prompts]
        ours = self.models.answers(self.case.candidate, probes, "comparing candidate with its base model")
        theirs = self.models.answers(base, probes)
        return policies.alive(examples.task, _greatest_difference(ours, theirs), n=len(prompts))

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

    def _see_liveness(self, examples: Examples) -> None:
        """Once a session, asked or not: an adapter that was silently not applied would be judged as its base."""
        if self._liveness_seen:
            return
        self._liveness_seen = True
        result = self.alive(examples)
        if result.outcome == "fail":
            self.findings.watch.problems.append(result.reason)


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
