"""The models that take part: fetched and loaded when the first of them is asked, and never asked the same thing twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from hubver.errors import HarnessFailed
from hubver.gate.asking.answers import AnswerFile
from hubver.gate.asking.measured import Measured
from hubver.gate.asking.requests import Chat, digest
from hubver.gate.engine import Engine, template_fault, tokenizer_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.asking.requests import Answer, Prompt, Request
    from hubver.gate.engine import Backend, ModelSource
    from hubver.settings import Settings

# Answers are kept after this many requests, then after twice as many while that takes no longer than some seconds: a
# gate that is killed loses little, and a batch has enough requests of about one length to choose from.
_FIRST_PART, _LARGEST_PART = 64, 4096
_PART_SECONDS = 10.0


class Answering(Protocol):
    """Who answers a session's requests."""

    def answers(self, who: Contender, requests: Sequence[Request], doing: str = "") -> list[Answer]:
        """The answers of a contender, in the order of the requests; see `Models`."""

    def given(self, who: Contender) -> dict[Request, Answer]:
        """Every answer of a contender that was used, where it may be carried on."""

    def timings(self, contenders: Sequence[Contender], requests: Sequence[Request]) -> list[list[tuple[float, int]]]:
        """Seconds and tokens that each contender needs for each request, measured in turn; see `Models`."""

    def size(self, who: Contender) -> int | None:
        """Bytes of a contender's own weights."""

    def faults(self, who: Contender, prompts: Sequence[Prompt]) -> list[str]:
        """What is wrong with a contender's tokenizer or chat template, a sentence each."""

    @property
    def measured(self) -> Measured:
        """Everything of the kind that was measured so far."""

    def recalled(self, who: Contender, request: Request) -> Answer | None:
        """An answer that is known already; nobody is asked, and None stands for one that is not known."""

    def key(self) -> dict[str, str | int | bool]:
        """What tells whether answers of another session would be the same; empty where that cannot be told."""

    def settings(self) -> dict[str, str | int | bool]:
        """What the numbers may depend on; nothing where nobody was asked."""


class Models:
    """Asks contenders, and remembers what they answered.

    Args:
        settings: the Hub's address and token.
        tell: told, before each step that may take long, what it is.
        folder: where answers are kept for the next gate; None to forget them.

    Attributes:
        measured: what was measured beside the answers.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None], folder: Path | None = None) -> None:
        self._settings = settings
        self._tell = tell
        self._folder = folder
        self._engine: Backend = Engine(tell)
        self._sources: dict[str, ModelSource] = {}
        self._known: dict[str, dict[Request, Answer]] = {}
        self._files: dict[str, AnswerFile | None] = {}
        self.measured = Measured()

    def answers(self, who: Contender, requests: Sequence[Request], doing: str = "") -> list[Answer]:
        """The answers of a contender, in the order of the requests.

        Args:
            who: is asked.
            requests: each is put to a model once, however often it occurs, and however many gates ask it.
            doing: said before the model is asked: what for.

        Raises:
            BadInput: answers cannot be kept.
            HubverError: the model cannot be fetched, loaded or run.
        """
        known = self._recall(who, requests)
        if new := [request for request in dict.fromkeys(requests) if request not in known]:
            before = len(requests) - len(new)
            self._ask(who, new, known, f"{doing} ({before} of {len(requests)} answers are known)" if before else doing)
        return [known[request] for request in requests]

    def given(self, who: Contender) -> dict[Request, Answer]:
        """Every answer of a contender that this session has used."""
        return dict(self._known.get(who.name, {}))

    def timings(self, contenders: Sequence[Contender], requests: Sequence[Request]) -> list[list[tuple[float, int]]]:
        """Seconds and tokens that each contender needs for each request, alone in its batch.

        All are asked in turn, so that whatever else the machine does meets all of them; nothing of it is kept for
        another session, whose machine may be another.

        Returns:
            For each request, one pair for each contender.

        Raises:
            HubverError: a model cannot be fetched, loaded or run.
        """
        names = {request: digest(request) for request in requests}
        timed = self.measured.timings
        if new := [request for request, name in names.items() if name not in timed]:
            sources = [self._source(who) for who in contenders]
            self._tell(f"timing {len(new)} requests")
            for request, times in zip(new, self._engine.time(sources, new), strict=True):
                pairs = zip(contenders, times, strict=True)
                timed[names[request]] = {who.name: (timing.seconds, timing.generated) for who, timing in pairs}
        return [[timed[names[request]][who.name] for who in contenders] for request in requests]

    def size(self, who: Contender) -> int | None:
        """Bytes of a contender's own weights: of an adapter those of the adapter alone.

        Raises:
            HubverError: it cannot be fetched.
        """
        weights = self._source(who).folder.glob("*.safetensors")
        return self.measured.sizes.setdefault(who.name, sum(file.stat().st_size for file in weights))

    def faults(self, who: Contender, prompts: Sequence[Prompt]) -> list[str]:
        """What is wrong with a contender's tokenizer or chat template, a sentence each.

        Raises:
            HubverError: its files cannot be fetched or read.
        """
        source = self._source(who)
        chats = [prompt for prompt in prompts if isinstance(prompt, Chat)]
        # Where the template fails, there is nothing to compare tokens of.
        found = template_fault(source, chats) or tokenizer_fault(source, prompts)
        if found:
            self.measured = self.measured.joined(Measured(faults=(found,)))
        return [found] if found else []

    def recalled(self, who: Contender, request: Request) -> Answer | None:
        """An answer that is in memory or on the disk; None for one that is not."""
        known, file = self._known.get(who.name, {}), self._file(who)
        if request in known or file is None:
            return known.get(request)
        return file.get(request)

    def key(self) -> dict[str, str | int | bool]:
        """What the engine's answers depend on beside the model."""
        return {**self._engine.key(), **self._trust}

    def settings(self) -> dict[str, str | int | bool]:
        """What the numbers may depend on; nothing where no model was asked."""
        return {**self._engine.settings(), **self._trust} if self._known else {}

    @property
    def _trust(self) -> dict[str, bool]:
        """A model's own code may answer otherwise than that of transformers."""
        return {"remote_code": True} if self._settings.runs_remote_code else {}

    def _recall(self, who: Contender, requests: Sequence[Request]) -> dict[Request, Answer]:
        known = self._known.setdefault(who.name, {})
        if (file := self._file(who)) is not None:
            for request in requests:
                if request not in known and (answer := file.get(request)) is not None:
                    known[request] = answer
        return known

    def _ask(self, who: Contender, requests: list[Request], known: dict[Request, Answer], doing: str) -> None:
        model, file = self._engine.load(self._source(who)), self._file(who)
        if doing:
            self._tell(doing)
        start, size = 0, _FIRST_PART
        while part := requests[start : start + size]:
            began = time.monotonic()
            found = model.answer(part)
            if len(found) != len(part):
                raise HarnessFailed(f"{who.name} gave {len(found)} answers to {len(part)} requests.")
            answered = list(zip(part, found, strict=True))
            if file is not None:
                file.add(answered)
            known.update(answered)
            start += size
            if time.monotonic() - began < _PART_SECONDS:
                size = min(2 * size, _LARGEST_PART)

    def _file(self, who: Contender) -> AnswerFile | None:
        if who.name not in self._files:
            file = None
            if self._folder is not None and (identity := who.identity) is not None:
                file = AnswerFile(self._folder, identity, self.key())
            self._files[who.name] = file
        return self._files[who.name]

    def _source(self, who: Contender) -> ModelSource:
        if who.name not in self._sources:
            # A base comes with the adapter that names it.
            if who.pin is not None and not who.without_adapter:
                self._tell(f"fetching {who.name}")
            self._sources[who.name] = who.source(self._settings)
        return self._sources[who.name]
