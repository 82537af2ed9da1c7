"""The scores of one model, kept in the ledger beside its verdict: when it is in production, nobody need ask it again.

Scores by example id say nothing of what was asked or answered, so they may lie in a public repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from hubver.documents import Document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCORES_JSON = "gate-scores.json"
# Of the SHA-256 that an example's id is: enough to tell apart more examples than anyone has.
_ID_LETTERS = 16


class Scores(Document):
    """What one model scored.

    Attributes:
        model: what tells it from every other; see `Contender.identity`.
        engine: what the numbers depend on; see `Answering.key`.
        tasks: digest of a task → beginning of an example's id → score.
    """

    document_name: ClassVar[str] = "list of scores"

    format: Literal["hubver.scores/1"] = "hubver.scores/1"
    model: dict[str, str]
    engine: dict[str, str | int | bool]
    tasks: dict[str, dict[str, float]] = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: Mapping[str, str],
        engine: Mapping[str, str | int | bool],
        tasks: Mapping[str, Mapping[str, float]],
    ) -> Scores:
        """The scores of a session, by digest of the task and then by the example's whole id."""
        short = {
            digest: {name[:_ID_LETTERS]: value for name, value in scores.items()} for digest, scores in tasks.items()
        }
        return cls(model=dict(model), engine=dict(engine), tasks=short)

    def known(
        self, model: Mapping[str, str] | None, engine: Mapping[str, str | int | bool], task: str, names: Sequence[str]
    ) -> dict[str, float]:
        """The scores of those examples that are known, by whole id; none where the model or the engine is another.

        Args:
            model: as in `Scores.model`; None for one that has no lasting identity.
            engine: as in `Scores.engine`.
            task: the task's digest.
            names: ids of examples.
        """
        if model != self.model or engine != self.engine:
            return {}
        scores = self.tasks.get(task, {})
        return {name: scores[name[:_ID_LETTERS]] for name in names if name[:_ID_LETTERS] in scores}
