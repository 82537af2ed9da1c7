"""The gate as a test sees it: it asks the session, and fails the test where that says no."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import pytest

from hubver.errors import BadInput
from hubver.gate import policies
from hubver.gate.hearing import thresholds
from hubver.gate.hearing.session import SEED, sliced

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from hubver.gate.asking.examples import AnyTask, Examples
    from hubver.gate.hearing.session import GateSession, Look
    from hubver.gate.verdict import GateResult, Tier


class Gate:
    """The gate, as one test asks it. Every method fails the test where it finds fail or inconclusive.

    A task is given as it is, or by the name that `hubver.toml` declares it by.

    Args:
        session: keeps models, answers and results.
        test: the node id of the test that asks.
        folder: of the gates file, which a task's relative paths start from.
        tier: an advisory gate is reported, and fails no test.
    """

    def __init__(self, session: GateSession, test: str, folder: Path, tier: Tier = "critical") -> None:
        self._session = session
        self._test = test
        self._folder = folder
        self._tier = tier

    def floor(self, task: AnyTask | str, minimum: float, *, alpha: float = policies.ALPHA) -> GateResult:
        """The candidate's true mean score is at least `minimum`, in (0, 1), with error probability `alpha`."""

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check(alpha=alpha, floor=minimum)
            scores = self._session.scores(self._session.case.candidate, examples, names)
            return policies.floor(
                examples.task, scores, minimum, planned=len(examples.requests), alpha=alpha, seed=SEED
            )

        return self._ask(task, "floor", look)

    def no_regression(self, task: AnyTask | str, *, margin: float, alpha: float = policies.ALPHA) -> GateResult:
        """The candidate's true mean score is at most `margin`, in (0, 1), below production's on the same examples.

        On a first release there is nothing to compare with: the result is not-applicable, and the test passes.
        """

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check(alpha=alpha, margin=margin)
            candidate, production = self._both(examples, names)
            return policies.no_regression(
                examples.task, candidate, production, margin, planned=len(examples.requests), alpha=alpha, seed=SEED
            )

        return self._ask(task, "no_regression", look)

    def worst_slice(
        self,
        task: AnyTask | str,
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
            thresholds.check_slices(examples.task, alpha=alpha, floor=floor, margin=margin)
            if not examples.slices:
                raise BadInput(
                    f"The task {examples.task!r} has no slices.",
                    hint='Name the column to group by: Task(slice_by="...")',
                )
            candidate, production = self._both(examples, names, needed=margin is not None)
            return policies.worst_slice(
                examples.task,
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

    def retained(self, task: AnyTask | str, *, margin: float, alpha: float = policies.ALPHA) -> GateResult:
        """The candidate's true mean score is at most `margin`, in (0, 1), below that of its base: nothing was forgotten.

        For a whole model, whose base is not known, the result is not-applicable, and the test passes.
        """

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check(alpha=alpha, margin=margin)
            candidate, base = self._session.case.candidate, self._session.case.candidate.base
            return policies.retained(
                examples.task,
                self._session.scores(candidate, examples, names),
                None if base is None else self._session.scores(base, examples, names),
                margin,
                planned=len(examples.requests),
                alpha=alpha,
                seed=SEED,
            )

        return self._ask(task, "retained", look)

    def steady(
        self,
        task: AnyTask | str,
        minimum: float,
        *,
        each: Literal["all", "mean"] = "all",
        alpha: float = policies.ALPHA,
    ) -> GateResult:
        """Answers drawn at random are good enough, with true mean at least `minimum`, in (0, 1).

        Args:
            task: with `samples`, so that it asks for several answers to each example.
            minimum: the floor.
            each: an example counts as good as its worst draw, so that it must succeed every time; or as their mean.
            alpha: the probability of error.
        """

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check(alpha=alpha, floor=minimum)
            draws = self._session.draws(self._session.case.candidate, examples, names)
            return policies.steady(
                examples.task, draws, minimum, each=each, planned=len(examples.requests), alpha=alpha, seed=SEED
            )

        return self._ask(task, "steady", look)

    def recites_nothing(self, task: AnyTask | str, *, at_least: int = 50) -> GateResult:
        """The candidate does not go on from a prompt as the training data, or a planted canary, does.

        Args:
            task: its prompts are beginnings, and what it expects is how each truly goes on.
            at_least: how many characters make a recital; a shorter truth must be recited as a whole.
        """

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            completions = self._session.completions(self._session.case.candidate, examples, names)
            return policies.memorisation(examples.task, completions, at_least=at_least, planned=len(examples.requests))

        return self._ask(task, "memorisation", look)

    def budget(
        self,
        task: AnyTask | str,
        *,
        slower: float | None = None,
        seconds: float | None = None,
        throughput: float | None = None,
        tokens_per_second: float | None = None,
        larger: float | None = None,
        size: int | None = None,
        alpha: float = policies.ALPHA,
    ) -> GateResult:
        """The candidate costs no more than allowed: measured one request at a time, in turn with production.

        Args:
            task: its requests are what is timed.
            slower: the most that the median ratio of seconds to production's may be: 1.2 allows a fifth more.
            seconds: the most that the median example may take.
            throughput: the least that the median ratio of tokens per second to production's may be.
            tokens_per_second: the least that the median example may reach.
            larger: the most that the weights may be bigger than production's, as a ratio.
            size: the most bytes of the weights.
            alpha: the probability of error for each limit.
        """
        limits = {"slower": slower, "seconds": seconds, "throughput": throughput}
        limits |= {"tokens_per_second": tokens_per_second, "larger": larger}

        def look(examples: Examples, names: Sequence[str]) -> GateResult:
            thresholds.check_budget(examples.task, alpha=alpha, limits={**limits, "size": size})
            candidate, production = self._session.usage(examples, names)
            return policies.budget(
                examples.task,
                candidate,
                production,
                **limits,
                size=size,
                planned=len(examples.requests),
                alpha=alpha,
                seed=SEED,
            )

        return self._ask(task, "budget", look)

    def alive(self, task: AnyTask | str) -> GateResult:
        """The candidate does not answer like its base model: the adapter was applied and changes something."""
        return self._ask(task, "alive", lambda examples, _: self._session.soundness.alive(examples))

    def _both(
        self, examples: Examples, names: Sequence[str], *, needed: bool = True
    ) -> tuple[dict[str, float], dict[str, float] | None]:
        candidate = self._session.scores(self._session.case.candidate, examples, names)
        production = self._session.case.production
        if production is None or not needed:
            return candidate, None
        return candidate, self._session.scores(production, examples, names)

    def _ask(self, task: AnyTask | str, kind: str, look: Look) -> GateResult:
        __tracebackhide__ = True
        result = self._session.ask(self._test, task, kind, self._folder, look, tier=self._tier)
        if result.outcome in {"fail", "inconclusive"} and self._tier == "critical":
            pytest.fail(f"{result.outcome}: {kind} of {result.task}: {result.reason}", pytrace=False)
        return result
