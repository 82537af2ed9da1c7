"""What a test sees: `gate`, `candidate` and `production`. They ask the session, and fail the test where it says no."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hubver.errors import BadInput
from hubver.gate import policies, thresholds
from hubver.gate.requests import Generation
from hubver.gate.session import SEED, sliced

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from hubver.gate.contenders import Contender
    from hubver.gate.examples import AnyTask, Examples
    from hubver.gate.session import GateSession, Look
    from hubver.gate.verdict import GateResult


class Model:
    """A contender that answers prompts. It is fetched and loaded on the first question.

    Attributes:
        revision: as it was asked for; a path for a local folder.
        sha: its commit; None for a local folder.
    """

    def __init__(self, session: GateSession, who: Contender) -> None:
        self.revision = who.revision
        self.sha = who.sha
        self._session = session
        self._who = who

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 64) -> list[str]:
        """The greedy answers, in the order of the prompts, without prompt and special tokens."""
        answers = self._session.models.answers(self._who, [Generation(prompt, max_new_tokens) for prompt in prompts])
        return [str(answer) for answer in answers]


class Gate:
    """The gate, as one test asks it. Every method fails the test where it finds fail or inconclusive.

    Args:
        session: keeps models, answers and results.
        test: the node id of the test that asks.
        folder: of the gates file, which a task's relative paths start from.
    """

    def __init__(self, session: GateSession, test: str, folder: Path) -> None:
        self._session = session
        self._test = test
        self._folder = folder

    def floor(self, task: AnyTask, minimum: float, *, alpha: float = policies.ALPHA) -> GateResult:
        """The candidate's true mean score is at least `minimum`, in (0, 1), with error probability `alpha`."""

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check(alpha=alpha, floor=minimum)
            scores = self._session.scores(self._session.case.candidate, examples, names)
            return policies.floor(task.name, scores, minimum, planned=len(examples.requests), alpha=alpha, seed=SEED)

        return self._ask(task, "floor", look)

    def no_regression(self, task: AnyTask, *, margin: float, alpha: float = policies.ALPHA) -> GateResult:
        """The candidate's true mean score is at most `margin`, in (0, 1), below production's on the same examples.

        On a first release there is nothing to compare with: the result is not-applicable, and the test passes.
        """

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check(alpha=alpha, margin=margin)
            candidate, production = self._both(examples, names)
            return policies.no_regression(
                task.name, candidate, production, margin, planned=len(examples.requests), alpha=alpha, seed=SEED
            )

        return self._ask(task, "no_regression", look)

    def worst_slice(
        self,
        task: AnyTask,
        *,
        floor: float | None = None,
        margin: float | None = None,
        expect: Collection[str] = (),
        alpha: float = policies.ALPHA,
    ) -> GateResult:
        """Every slice of the task's `slice_by` column clears the floor, the margin against production, or both.

        Args:
            task: with a `slice_by`.
            floor: of each slice's true mean score, in (0, 1).
            margin: how far below production each slice may be, in (0, 1).
            expect: slices that must occur, so that one that vanished from the data fails the gate.
            alpha: that a slice beyond its threshold passes, and that any fine slice fails the gate.
        """

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check_slices(task.name, alpha=alpha, floor=floor, margin=margin)
            if not examples.slices:
                raise BadInput(
                    f"The task {task.name!r} has no slices.", hint='Name the column to group by: Task(slice_by="...")'
                )
            candidate, production = self._both(examples, names, needed=margin is not None)
            return policies.worst_slice(
                task.name,
                sliced(candidate, examples.slices),
                None if production is None else sliced(production, examples.slices),
                minimum=floor,
                margin=margin,
                expect=expect,
                planned=Counter(examples.slices.values()),
                alpha=alpha,
                seed=SEED,
            )

        return self._ask(task, "worst_slice", look)

    def alive(self, task: AnyTask) -> GateResult:
        """The candidate does not answer like its base model: the adapter was applied and changes something."""
        return self._ask(task, "alive", lambda examples, _: self._session.alive(examples))

    def _both(
        self, examples: Examples, names: Sequence[str], *, needed: bool = True
    ) -> tuple[dict[str, float], dict[str, float] | None]:
        candidate = self._session.scores(self._session.case.candidate, examples, names)
        production = self._session.case.production
        if production is None or not needed:
            return candidate, None
        return candidate, self._session.scores(production, examples, names)

    def _ask(self, task: AnyTask, kind: str, look: Look) -> GateResult:
        __tracebackhide__ = True
        result = self._session.ask(self._test, task, kind, self._folder, look)
        if result.outcome in {"fail", "inconclusive"}:
            pytest.fail(f"{result.outcome}: {kind} of {task.name}: {result.reason}", pytrace=False)
        return result
