"""What a gate has found so far. Several processes of one gate hand theirs to the one that comes to the verdict."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hubver.errors import BadInput
from hubver.gate.hearing.watch import Watch
from hubver.gate.verdict import GateResult, TaskUsed

Scored = dict[tuple[str, str], dict[str, float]]


@dataclass
class Findings:
    """Everything that a verdict is made of.

    Attributes:
        watch: what became of the tests.
        results: what each gate found.
        tasks: which examples were used, by the task's name.
        scores: (contender, digest of a task) → id of an example → score.
        engine: what the numbers may depend on.
    """

    watch: Watch = field(default_factory=Watch)
    results: list[GateResult] = field(default_factory=list)
    tasks: dict[str, TaskUsed] = field(default_factory=dict)
    scores: Scored = field(default_factory=dict)
    engine: dict[str, str | int | bool] = field(default_factory=dict)

    def use(self, task: TaskUsed) -> None:
        """Note that a task was used.

        Raises:
            BadInput: another one has its name.
        """
        if self.tasks.setdefault(task.name, task) != task:
            raise BadInput(f"Two different tasks are called {task.name!r}.", hint="Give each task its own name.")

    def to_json(self) -> str:
        """The same as a text, for another process."""
        return json.dumps(
            {
                "watch": self.watch.facts(),
                "results": [result.model_dump(mode="json") for result in self.results],
                "tasks": [task.model_dump(mode="json") for task in self.tasks.values()],
                "scores": [[who, task, scores] for (who, task), scores in self.scores.items()],
                "engine": self.engine,
            }
        )

    def absorb(self, text: str) -> None:
        """Take in what another process of the same gate found.

        Args:
            text: of its `to_json`.

        Raises:
            BadInput: it read other examples for a task.
        """
        found: dict[str, Any] = json.loads(text)
        self.watch.absorb(found["watch"])
        self.results += [GateResult.model_validate(result) for result in found["results"]]
        for task in found["tasks"]:
            self.use(TaskUsed.model_validate(task))
        for who, task, scores in found["scores"]:
            self.scores.setdefault((who, task), {}).update(scores)
        self.engine = self.engine or found["engine"]
