"""The examples behind a verdict, for those who sit at the machine that judged: what was asked, expected and answered.

It exists in memory and in the local HTML report, and nowhere else: prompts and answers may be confidential, and the
ledger lies in a repository that may be public.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.asking.requests import Generation
from hubver.gate.running.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hubver.gate.asking.contenders import Contender
    from hubver.gate.asking.examples import Examples
    from hubver.gate.asking.requests import Answer, Request
    from hubver.gate.hearing.session import GateSession

_MOST_SHOWN = 20
_MOST_LETTERS = 600
_ABSOLUTE = frozenset({"floor", "steady", "worst_slice"})
_OTHERS = {"retained": "base"}
# What a memorisation gate asks about is what nobody is to read.
_SHOWN = frozenset({"floor", "steady", "no_regression", "retained", "worst_slice", "budget", "alive"})


@dataclass(frozen=True)
class Shown:
    """One example, as people see it. Every text is redacted and cut.

    Attributes:
        name: the beginning of its id.
        prompt: what was asked.
        expected: what should be answered; empty where the task does not say.
        slice: the slice it belongs to; empty where the task names none.
        candidate: the candidate's answer; None where it is not known here.
        other: the other model's answer; None where it is not known here, as where its scores came from the ledger.
        score: the candidate's.
        before: the other model's; None where there is no other.
    """

    name: str
    prompt: str
    expected: str
    slice: str
    candidate: str | None
    other: str | None
    score: float
    before: float | None


@dataclass(frozen=True)
class Compared:
    """The examples of one task, against one other model or by themselves.

    Attributes:
        task: its name.
        other: production or base; None where the candidate was scored alone.
        won: examples on which the candidate scores higher; of an absolute task, that it scores 1 on.
        lost: that it scores lower on; of an absolute task, less than 1.
        tied: that both score the same on.
        worst: the examples that it lost most on, the worst first, at most 20.
    """

    task: str
    other: str | None
    won: int
    lost: int
    tied: int
    worst: tuple[Shown, ...]


def collect(session: GateSession) -> tuple[Compared, ...]:
    """The examples behind what a session found, by task; none where other processes asked the models.

    Nobody is asked: an answer that is not at hand is shown as such.
    """
    policies: dict[str, set[str]] = {}
    for result in session.findings.results:
        policies.setdefault(result.task, set()).add(result.policy)
    found = []
    for examples in session.used:
        asked = policies.get(examples.task, set())
        if asked and asked <= _SHOWN:
            others = dict.fromkeys(_OTHERS.get(policy, "production") for policy in sorted(asked))
            parts = [part for other in others if (part := _compared(session, examples, other)) is not None]
            if asked & _ABSOLUTE and parts and not any(part.worst for part in parts):
                # Nothing became worse, and still it may not be good enough.
                alone = _compared(session, examples, None)
                parts += [alone] if alone is not None else []
            found += parts
    return tuple(found)


def worst(
    candidate: Mapping[str, float], other: Mapping[str, float] | None, most: int = _MOST_SHOWN
) -> tuple[str, ...]:
    """The examples that a candidate lost most on, the worst first: against another model, or against a score of 1."""

    def change(name: str) -> tuple[float, float, str]:
        return (candidate[name] - (1.0 if other is None else other[name]), candidate[name], name)

    return tuple(sorted((name for name in candidate if change(name)[0] < 0.0), key=change)[:most])


def _compared(session: GateSession, examples: Examples, other_name: str | None) -> Compared | None:
    case = session.case
    other = {"base": case.candidate.base, "production": case.production}.get(other_name or "")
    mine = session.findings.scores.get((case.candidate.name, examples.digest), {})
    theirs = session.findings.scores.get((other.name, examples.digest)) if other is not None else None
    if theirs is not None:
        both = mine.keys() & theirs.keys()
        mine, theirs = {name: mine[name] for name in mine if name in both}, {name: theirs[name] for name in both}
    if not mine:
        return None
    roots = (case.settings.root, case.gates)
    marks = [mine[name] - (theirs[name] if theirs is not None else 1.0) for name in mine]
    return Compared(
        task=public(examples.task, roots),
        other=other_name if theirs is not None else None,
        won=sum(mark > 0.0 for mark in marks) if theirs is not None else sum(mark == 0.0 for mark in marks),
        lost=sum(mark < 0.0 for mark in marks),
        tied=sum(mark == 0.0 for mark in marks) if theirs is not None else 0,
        worst=tuple(
            shown_example(
                examples,
                name,
                answers=(_recalled(session, case.candidate, examples, name), _recalled(session, other, examples, name)),
                scores=(mine[name], theirs[name] if theirs is not None else None),
                roots=roots,
            )
            for name in worst(mine, theirs)
        ),
    )


def shown_example(
    examples: Examples,
    name: str,
    *,
    answers: tuple[Sequence[Answer] | None, Sequence[Answer] | None],
    scores: tuple[float, float | None],
    roots: Sequence[Path],
) -> Shown:
    """One example in words, redacted and cut.

    Args:
        examples: of the task.
        name: the example's id.
        answers: the candidate's to its requests, and the other model's; None where they are not known.
        scores: the candidate's, and the other model's.
        roots: folders that paths are shown relative to.
    """
    requests = examples.requests[name]

    def text(value: str) -> str:
        found: str = public(value, roots)
        return _cut(found)

    def words(given: Sequence[Answer] | None) -> str | None:
        return None if given is None else text("\n".join(map(_answer, requests, given)))

    return Shown(
        name=name[:12],
        prompt=text("\n".join(dict.fromkeys(str(request.prompt) for request in requests))),
        expected=text(examples.expected.get(name, "")),
        slice=text(examples.slices.get(name, "")),
        candidate=words(answers[0]),
        other=words(answers[1]),
        score=scores[0],
        before=scores[1],
    )


def _recalled(session: GateSession, who: Contender | None, examples: Examples, name: str) -> list[Answer] | None:
    if who is None:
        return None
    found = [session.models.recalled(who, request) for request in examples.requests[name]]
    return None if None in found else [answer for answer in found if answer is not None]


def _answer(request: Request, answer: Answer) -> str:
    """An answer in words; how likely each continuation was, in the place of a text."""
    if isinstance(request, Generation) or isinstance(answer, str):
        return str(answer)
    best = max(item.log_probability for item in answer)
    return "\n".join(
        f"{'→' if item.log_probability == best else ' '} {item.log_probability:8.2f}  {text.strip()}"
        for text, item in zip(request.continuations, answer, strict=True)
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]} …"
