"""What became of the tests themselves. A test that did not run, or failed beside its gate, stops the promotion too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.errors import HubverError
    from hubver.gate.verdict import GateResult

# pytest.ExitCode, so that this module needs no pytest.
_OK, _TESTS_FAILED, _INTERRUPTED, _NO_TESTS = 0, 1, 2, 5


class Watch:
    """Counts tests and collects problems. Each problem is a sentence that stops the promotion.

    Attributes:
        problems: in the order they came.
        collected: tests that were found, and not deselected.
        failed: tests that failed or broke, other than by the gate they asked.
        skipped: tests that were skipped, or expected to fail.
        deselected: tests that were left out on purpose.
        not_run: tests that were found and never came to an end; known after `finish`.
        error_code: 0, or the exit code of the worst error: 2 wrong input, 3 the harness failed.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.collected = 0
        self.failed = 0
        self.skipped = 0
        self.deselected = 0
        self.not_run = 0
        self.error_code = 0
        self._finished: set[str] = set()
        self._passed: set[str] = set()
        self._failures: list[tuple[str, str]] = []
        self._errors: list[HubverError] = []
        self._explained: set[str] = set()

    def broke(self, where: str, error: HubverError) -> None:
        """The evaluation itself could not go on. The same error may be reported from several places."""
        self._explained.add(where)
        if any(error is known for known in self._errors):
            return
        self._errors.append(error)
        self.problems.append(f"{where}: {error} {error.hint}" if error.hint else f"{where}: {error}")
        # Exit code 1 says no; an error says that there is no answer.
        self.error_code = max(self.error_code, error.exit_code, 2)

    def passed_over(self, count: int) -> None:
        """Some tests were deselected, by -k, -m or --deselect."""
        self.deselected += count

    def ended(self, test: str, outcome: str, phase: str, detail: str) -> None:
        """A phase of a test ended.

        Args:
            test: its node id.
            outcome: passed, failed, skipped, or what another plugin calls it.
            phase: setup, call or teardown; collect for a module.
            detail: one line on why.
        """
        if outcome == "passed" and phase == "call":
            self._finished.add(test)
            self._passed.add(test)
        elif outcome == "failed":
            self._finished.add(test)
            self._failures.append((test, f"{test} failed in {phase}: {detail}"))
        elif outcome == "skipped":
            self._finished.add(test)
            self.skipped += 1
            self.problems.append(f"{test} was skipped: {detail}")

    def collection_failed(self, module: str, detail: str) -> None:
        """A gates file could not be imported."""
        self.problems.append(f"{module} cannot be collected: {detail}")
        self.error_code = max(self.error_code, 2)

    @property
    def passed(self) -> int:
        """How many tests passed in all their phases."""
        return len(self._passed - {test for test, _ in self._failures})

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence for each phase of a test that failed."""
        return tuple(sentence for _, sentence in self._failures)

    def facts(self) -> dict[str, Any]:
        """What another process of the same gate should know."""
        return {
            "problems": self.problems,
            "collected": self.collected,
            "deselected": self.deselected,
            "error_code": self.error_code,
            "explained": sorted(self._explained),
        }

    def absorb(self, facts: dict[str, Any]) -> None:
        """Take in the `facts` of another process, which collected the same tests and ran some of them."""
        self.problems += [problem for problem in facts["problems"] if problem not in self.problems]
        self.collected = max(self.collected, facts["collected"])
        self.deselected = max(self.deselected, facts["deselected"])
        self.error_code = max(self.error_code, facts["error_code"])
        self._explained |= set(facts["explained"])

    def finish(self, exit_status: int, results: Sequence[GateResult]) -> None:
        """Everything ended. Settle what only the end can tell."""
        refused = {result.gate for result in results if result.outcome in {"fail", "inconclusive"}}
        for test, sentence in self._failures:
            if test in refused or test in self._explained:
                continue
            self.failed += 1
            self.problems.append(sentence)
        self.not_run = max(0, self.collected - len(self._finished))
        if self.not_run:
            self.problems.append(f"{self.not_run} of {self.collected} tests did not run to their end.")
        if self.deselected:
            self.problems.append(f"{self.deselected} tests were deselected: a gate runs whole or not at all.")
        if not self.collected and not self.error_code:
            self.problems.append("No tests were collected, so nothing was judged.")
        elif not results and not self.error_code:
            self.problems.append("No test asked the gate, so nothing was judged.")
        self._settle_exit(exit_status)

    def _settle_exit(self, exit_status: int) -> None:
        if exit_status == _INTERRUPTED and not self.error_code:
            self.problems.append("The run was interrupted.")
            self.error_code = 3
        elif exit_status == _TESTS_FAILED and not (self.problems or self._failures):
            self.problems.append("pytest reports a failure that no test explains.")
        elif exit_status not in {_OK, _TESTS_FAILED, _INTERRUPTED, _NO_TESTS}:
            self.problems.append(f"pytest ended with status {exit_status}.")
            self.error_code = max(self.error_code, 3)
