"""Smoke tests: ordinary tests that ask one model. They come to no verdict, and where none ran, that is a no."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadDocument

if TYPE_CHECKING:
    from hubver.gate.hearing.watch import Watch

SMOKE_JSON = "smoke.json"


@dataclass(frozen=True)
class Smoked:
    """What became of smoke tests.

    Attributes:
        passed: how many passed.
        problems: why that is a no, a sentence each; empty where it is a yes.
        error_code: 0, or the exit code of what made it impossible to tell: 2 wrong input, 3 the harness failed.
    """

    passed: int
    problems: tuple[str, ...] = ()
    error_code: int = 0

    @classmethod
    def of(cls, watch: Watch, exit_status: int) -> Smoked:
        """What a run comes to, in which all tests have ended.

        Args:
            exit_status: what pytest itself found; see `pytest.ExitCode`.
        """
        if watch.error_code:
            return cls(watch.passed, tuple(watch.problems), watch.error_code)
        problems = list(watch.failures)
        if not watch.collected:
            problems.append("There is no smoke test in the folder, so nothing was tried.")
        elif not watch.passed and not problems:
            problems.append(f"None of {watch.collected} smoke tests ran to its end, so nothing was tried.")
        if exit_status not in _SETTLED:
            problems.append(f"pytest ended with status {exit_status} before all smoke tests had.")
        return cls(watch.passed, tuple(problems))

    @property
    def exit_code(self) -> int:
        """The code that pytest exits with."""
        return self.error_code or (1 if self.problems else 0)

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Smoked:
        """From JSON.

        Raises:
            BadDocument: it is something else.
        """
        try:
            found = json.loads(raw)
            return cls(int(found["passed"]), tuple(map(str, found["problems"])), int(found["error_code"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadDocument(f"{SMOKE_JSON} cannot be read.") from error


# pytest.ExitCode: all tests passed, some failed, none was collected.
_SETTLED = {0, 1, 5}
