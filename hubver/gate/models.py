"""The models that take part: fetched and loaded when the first of them is asked, and never asked the same thing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import HarnessFailed
from hubver.gate.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubver.gate.contenders import Contender
    from hubver.gate.engine import ModelSource
    from hubver.gate.requests import Answer, Prompt, Request
    from hubver.settings import Settings


class Models:
    """Asks contenders, and remembers what they answered.

    Args:
        settings: the Hub's address and token.
        tell: told, before each step that may take long, what it is.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._engine = Engine(tell)
        self._sources: dict[str, ModelSource] = {}
        self._known: dict[str, dict[Request, Answer]] = {}

    def answers(self, who: Contender, requests: Sequence[Request], doing: str = "") -> list[Answer]:
        """The answers of a contender, in the order of the requests.

        Args:
            who: is asked.
            requests: each is put to the model once in a session, however often it occurs.
            doing: said before the model is asked: what for.

        Raises:
            HubverError: the model cannot be fetched, loaded or run.
        """
        known = self._known.setdefault(who.name, {})
        new = [request for request in dict.fromkeys(requests) if request not in known]
        if new:
            model = self._engine.load(self._source(who))
            if doing:
                self._tell(doing)
            found = model.answer(new)
            if len(found) != len(new):
                raise HarnessFailed(f"{who.name} gave {len(found)} answers to {len(new)} requests.")
            known.update(zip(new, found, strict=True))
        return [known[request] for request in requests]

    def difference_from_base(self, who: Contender, prompts: Sequence[Prompt]) -> float | None:
        """The greatest difference of a logit between a contender and its base; see the engine.

        Raises:
            HubverError: a model cannot be fetched, loaded or run.
        """
        return self._engine.difference_from_base(self._source(who), prompts)

    def settings(self) -> dict[str, str | int | bool]:
        """What the numbers may depend on; nothing where no model was asked."""
        return self._engine.settings() if self._sources else {}

    def _source(self, who: Contender) -> ModelSource:
        if who.name not in self._sources:
            if who.pin is not None:
                self._tell(f"fetching {who.name}")
            self._sources[who.name] = who.source(self._settings)
        return self._sources[who.name]
