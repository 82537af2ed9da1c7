"""What must hold before any score counts.

The adapter was applied, it reads as its base reads, its template leaves nothing out. A model that fails here would be
judged as something else than it is, and its scores would not show it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hubver.gate import policies
from hubver.gate.asking.requests import Likelihood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.asking.examples import Examples
    from hubver.gate.asking.models import Answering
    from hubver.gate.asking.requests import Answer, Prompt
    from hubver.gate.verdict import GateResult

# A few prompts show whether an adapter changes anything at all, and whether a tokenizer is the wrong one.
_PROMPTS = 8
# Any text will do: an adapter that changes anything changes how likely this is.
_PROBES = (" The answer", "\n")
# Two ways to batch the same prompts differ by about 1e-6; one step of training by more than a thousand times that.
_ROUNDING = 1e-4


class Soundness:
    """Looks at the candidate on the first prompts of each task, asked or not.

    Args:
        candidate: what is judged.
        models: who answers.
    """

    def __init__(self, candidate: Contender, models: Answering) -> None:
        self._candidate = candidate
        self._models = models
        self._seen: set[str] = set()

    def faults(self, examples: Examples) -> list[str]:
        """What is wrong, a sentence each that stops the promotion; nothing for a task that was looked at before.

        Raises:
            HubverError: a model cannot be fetched, loaded or run.
        """
        if examples.digest in self._seen:
            return []
        is_first, prompts = not self._seen, _first(examples)
        self._seen.add(examples.digest)
        found = self._models.faults(self._candidate, prompts)
        # A broken template is no reason to ask on, and one prompt in a thousand words is enough for liveness.
        if is_first and not found:
            alive = self.alive(examples)
            found = [alive.reason] if alive.outcome == "fail" else []
        return found

    def alive(self, examples: Examples) -> GateResult:
        """Whether the candidate differs from its base at all.

        Raises:
            HubverError: a model cannot be fetched, loaded or run.
        """
        prompts, base = _first(examples), self._candidate.base
        if base is None:
            return policies.alive(examples.task, None, n=len(prompts))
        probes = [Likelihood(prompt, _PROBES) for prompt in prompts]
        ours = self._models.answers(self._candidate, probes, "comparing candidate with its base model")
        theirs = self._models.answers(base, probes)
        difference = _greatest_difference(ours, theirs)
        return policies.alive(examples.task, difference, n=len(prompts), tolerance=_ROUNDING)


def _first(examples: Examples) -> list[Prompt]:
    return [examples.requests[name][0].prompt for name in sorted(examples.requests)[:_PROMPTS]]


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
