"""The case that is heard: who stands before which gates. It is the same from the first question to the verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.hearing.shards import Part
    from hubver.settings import Settings


@dataclass(frozen=True)
class Case:
    """What one gate is about.

    Attributes:
        settings: of the project.
        candidate: what is judged.
        production: what it would replace; None on a first release.
        gates: the folder of the gates.
        started: when, for the report.
        full: whether to look at every example, also where fewer have decided already.
        part: the part of the examples to ask about, where nothing is to be decided; None to judge.
        only: the one test that is run; None for all. Its verdict lets nothing into production.
        clock: seconds of a monotonic clock at the start.
    """

    settings: Settings
    candidate: Contender
    production: Contender | None
    gates: Path
    started: datetime
    full: bool = False
    part: Part | None = None
    only: str | None = None
    clock: float = field(default_factory=time.monotonic)

    @property
    def repo_id(self) -> str | None:
        """The model repository; None for a local folder."""
        return self.candidate.pin.repo_id if self.candidate.pin else None

    @property
    def commits(self) -> tuple[str | None, str | None, str | None]:
        """Repository, candidate and production: two cases with the same are about the same."""
        return self.repo_id, self.candidate.sha, self.production.sha if self.production else None
