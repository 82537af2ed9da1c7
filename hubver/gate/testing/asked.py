"""A model as a test sees it: `candidate` and `production`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.gate.asking.requests import Generation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.hearing.session import GateSession


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
