"""The seam between the gate and whatever runs models.

`Models` asks a `Backend` and nothing else, so that a server of models is one more module here: it loads a source, turns
requests into answers, and says what its numbers depend on. `Engine` is the one that comes with hubver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Answer, Request
    from hubver.gate.engine.source import ModelSource
    from hubver.gate.engine.timing import Timing


class Respondent(Protocol):
    """A model that answers."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer for each request, in their order: a text to a `Generation`, continuations to a `Likelihood`.

        An answer depends on its request alone, but for rounding: neither on the other requests nor on their order.

        Raises:
            HubverError: a request cannot be asked (`BadInput`), or the model broke (`HarnessFailed`).
        """


class Backend(Protocol):
    """What runs models."""

    def load(self, source: ModelSource) -> Respondent:
        """The model of a source, ready to answer; the same one for the same source.

        Raises:
            HubverError: it cannot be loaded.
        """

    def time(self, sources: Sequence[ModelSource], requests: Sequence[Request]) -> list[tuple[Timing, ...]]:
        """How long each model takes for each request, alone in its batch and in turn with the others.

        Returns:
            For each request, one timing for each source.

        Raises:
            HubverError: a model cannot be loaded or run.
        """

    def settings(self) -> dict[str, str | int | bool]:
        """Everything the numbers may depend on, for the verdict."""

    def key(self) -> dict[str, str | int | bool]:
        """What two machines must share for one to use the other's answers. Known without loading a model."""
