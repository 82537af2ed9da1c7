"""A gate in shards: several machines put the questions, one machine judges the answers.

A shard asks every model about its part of each task's examples and keeps what they answered; nothing is decided there.
Whoever merges runs the same gates on all answers together, in the same order as one machine would, so the verdict is the
same too, as far as the machines answer alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from hubver.documents import Document
from hubver.errors import BadDocument, BadInput, HarnessFailed
from hubver.gate.asking.measured import Measured
from hubver.gate.asking.requests import digest, from_json, to_json
from hubver.gate.verdict import Subject, TaskUsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.asking.requests import Answer, Prompt, Request

_PART = re.compile(r"(?P<index>[1-9]\d{0,3})/(?P<count>[1-9]\d{0,3})")
MOST_SHARDS = 256
"""As many as GitHub starts jobs of one matrix."""
# Where models ran, whatever they brought along may have written the file.
_MOST_LETTERS = 10_000
_MOST_LETTERS_OF_AN_ANSWER = 1_000_000
_AGAIN = "Run the shards again."


@dataclass(frozen=True)
class Part:
    """Which part of the examples a shard asks about.

    Attributes:
        index: from 1.
        count: of all shards.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read `2/4`.

        Raises:
            BadInput: it is no such thing.
        """
        match = _PART.fullmatch(text)
        if match is None or not int(match["index"]) <= int(match["count"]) <= MOST_SHARDS:
            expected = f"INDEX/COUNT such as 2/4, the first being 1, and at most {MOST_SHARDS} in all"
            raise BadInput(f"{text!r} is no shard.", expected=expected)
        return cls(int(match["index"]), int(match["count"]))

    def of(self, names: Sequence[str]) -> list[str]:
        """The names that fall to this shard: all shards together have each once."""
        return list(names[self.index - 1 :: self.count])

    @property
    def file_name(self) -> str:
        """Name of the file that holds its answers."""
        return f"gate-shard-{self.index}-of-{self.count}.json"


class Shard(Document):
    """What one shard found out.

    Attributes:
        repo_id: the model repository; None for a local folder.
        candidate: what is judged.
        baseline: what it is compared with; None on a first release.
        gates_digest: of the gates that asked.
        index: of this shard, from 1.
        count: of all shards.
        tasks: what was asked about.
        engine: what the numbers may depend on.
        answers: contender → digest of a request → the answer, as `requests.to_json` writes it.
        measured: what was measured beside the answers.
    """

    document_name: ClassVar[str] = "shard of a gate"

    format: Literal["hubver.shard/1"] = "hubver.shard/1"
    repo_id: str | None
    candidate: Subject
    baseline: Subject | None
    gates_digest: str
    index: int = Field(ge=1, le=MOST_SHARDS)
    count: int = Field(ge=1, le=MOST_SHARDS)
    tasks: tuple[TaskUsed, ...] = ()
    engine: dict[str, str | int | bool] = Field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = Field(default_factory=dict)
    measured: Measured = Measured()

    @classmethod
    def from_bytes(cls, data: bytes, *, source: str = "") -> Self:
        """Read a shard.

        Raises:
            BadDocument: as `Document.from_bytes`; or a text in it is longer than any that hubver writes.
        """
        shard = super().from_bytes(data, source=source)
        told = _longest(shard.model_dump(exclude={"answers"}))
        if told > _MOST_LETTERS or _longest(shard.answers) > _MOST_LETTERS_OF_AN_ANSWER:
            raise BadDocument(f"{source or 'This shard'} holds a text that is too long for one.", hint=_AGAIN)
        return shard


def _longest(value: object) -> int:
    """Letters of the longest text, or name, in what JSON can say."""
    longest, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            longest = max(longest, len(one))
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            left += one
    return longest


def written(answers: Mapping[Request, Answer]) -> dict[str, Any]:
    """The answers of one contender, as a shard holds them."""
    return {digest(request): to_json(answer) for request, answer in answers.items()}


class CarriedAnswers:
    """The answers that shards brought, in the place of models. It asks nobody.

    Args:
        shards: all of one gate, in any order.

    Raises:
        BadInput: one is missing or there twice, or they are not of one gate.
    """

    def __init__(self, shards: Sequence[Shard]) -> None:
        _check(shards)
        self._first = shards[0]
        self._engines = [shard.engine for shard in shards if shard.engine]
        self._answers: dict[str, dict[str, Any]] = {}
        self.measured = Measured()
        for shard in shards:
            self.measured = self.measured.joined(shard.measured)
            for who, answers in shard.answers.items():
                self._answers.setdefault(who, {}).update(answers)

    def check(
        self,
        commits: tuple[str | None, str | None, str | None],
        gates_digest: str,
        count: int | None = None,
    ) -> None:
        """See that the shards are about what is judged now.

        Args:
            commits: repository, candidate and production; see `Case.commits`.
            gates_digest: of the gates that lie here.
            count: how many shards were started; None where only they know.

        Raises:
            BadInput: they are about other commits or gates, or they are parts of another whole.
        """
        first = self._first
        if count not in (None, first.count):
            raise BadInput(
                "The shards are not those that were started.",
                expected=f"shards of {count}",
                found=f"shards of {first.count}",
                hint=_AGAIN,
            )
        theirs = (first.repo_id, first.candidate.sha, first.baseline.sha if first.baseline else None)
        if theirs != commits:
            raise BadInput(
                "The shards judged other commits than those that are asked about now.",
                expected=" ".join(map(str, commits)),
                found=" ".join(map(str, theirs)),
                hint=_AGAIN,
            )
        if first.gates_digest != gates_digest:
            raise BadInput(
                "The shards ran other gates than those that lie here.",
                expected=gates_digest[:12],
                found=first.gates_digest[:12],
                hint="Merge with the same commit of the gates folder that the shards used.",
            )

    def answers(self, who: Contender, requests: Sequence[Request], doing: str = "") -> list[Answer]:  # noqa: ARG002 - nothing takes long
        """The answers of a contender, in the order of the requests.

        Raises:
            HarnessFailed: the shards did not ask one of them.
        """
        known = self._answers.get(who.name, {})
        names = [digest(request) for request in requests]
        if missing := sum(name not in known for name in names):
            raise HarnessFailed(
                f"The shards lack {missing} of {len(names)} answers of {who.name}.",
                hint="Does a gate ask something else each time it runs? Then run it on one machine.",
            )
        try:
            return [from_json(known[name]) for name in names]
        except ValueError as error:
            raise HarnessFailed(f"A shard holds an answer of {who.name} that cannot be read: {error}.") from None

    def given(self, who: Contender) -> dict[Request, Answer]:  # noqa: ARG002 - for every contender the same
        """Nothing: what was carried here is not carried on."""
        return {}

    def timings(self, contenders: Sequence[Contender], requests: Sequence[Request]) -> list[list[tuple[float, int]]]:
        """What the shards measured: for each request, seconds and tokens of each contender.

        Raises:
            HarnessFailed: they did not measure one of them.
        """
        try:
            return [[self.measured.timings[digest(request)][who.name] for who in contenders] for request in requests]
        except KeyError:
            raise HarnessFailed("The shards did not time all that is asked about.", hint=_AGAIN) from None

    def size(self, who: Contender) -> int | None:
        """Bytes of a contender's own weights; None where no shard looked."""
        return self.measured.sizes.get(who.name)

    def faults(self, who: Contender, prompts: Sequence[Prompt]) -> list[str]:  # noqa: ARG002 - they were looked for then
        """What the shards found wrong with the candidate."""
        return list(self.measured.faults)

    def recalled(self, who: Contender, request: Request) -> Answer | None:
        """An answer that a shard brought."""
        kept = self._answers.get(who.name, {}).get(digest(request))
        return None if kept is None else from_json(kept)

    def key(self) -> dict[str, str | int | bool]:
        """Nothing: the shards' machines may differ."""
        return {}

    def settings(self) -> dict[str, str | int | bool]:
        """What the numbers depended on; where the shards' machines differ, all that they were."""
        names = {name for engine in self._engines for name in engine}
        found = {name: list(dict.fromkeys(engine.get(name, "") for engine in self._engines)) for name in sorted(names)}
        return {name: values[0] if len(values) == 1 else " / ".join(map(str, values)) for name, values in found.items()}


def _check(shards: Sequence[Shard]) -> None:
    if not shards:
        raise BadInput("There are no shards to merge.", expected="files such as gate-shard-1-of-4.json")
    first = shards[0]
    for shard in shards[1:]:
        for name in ("repo_id", "candidate", "baseline", "gates_digest", "count"):
            if getattr(shard, name) != getattr(first, name):
                raise BadInput(
                    f"The shards {first.index} and {shard.index} are not of one gate: their {name} differs.",
                    found=f"{getattr(first, name)} and {getattr(shard, name)}",
                )
    found = sorted(shard.index for shard in shards)
    if found != list(range(1, first.count + 1)):
        raise BadInput(
            f"The shards are not all there, or one is there twice: {', '.join(map(str, found))} of {first.count}.",
            expected=f"each of 1 to {first.count} once",
        )
    tasks: dict[str, TaskUsed] = {}
    for task in (task for shard in shards for task in shard.tasks):
        if tasks.setdefault(task.name, task) != task:
            raise BadInput(f"The shards read different examples of the task {task.name!r}.")
