"""`compare`: two models under identical conditions: one engine, one set of examples, paired. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.gate import compare_tasks, statistics
from hubver.gate.asking.contenders import Contender
from hubver.gate.asking.examples import BadScore
from hubver.gate.asking.models import Models
from hubver.gate.hearing.session import SEED, sliced
from hubver.gate.policies import ALPHA
from hubver.gate.report import appendix
from hubver.pins import resolve
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hubver.gate.asking.examples import Examples
    from hubver.gate.asking.requests import Answer
    from hubver.gate.report.appendix import Shown

    Scores = Mapping[str, float]


@dataclass(frozen=True)
class Numbers:
    """Two models on the same examples. Every difference is B - A: what changes when B takes A's place.

    Attributes:
        name: of the task or the slice.
        n: how many examples.
        a: A's mean score.
        b: B's.
        difference: of the means.
        low: the interval of the difference; each end is wrong with probability at most 0.05.
        high: likewise.
        won: examples on which B scores higher.
        lost: lower.
        tied: the same.
        mcnemar: the p-value of McNemar's exact test, where all scores are 0 or 1.
    """

    name: str
    n: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    won: int
    lost: int
    tied: int
    mcnemar: float | None


@dataclass(frozen=True)
class TaskCompared:
    """One task.

    Attributes:
        whole: over all its examples.
        slices: over each slice, the worst first; none where the task names none.
        worst: examples on which B lost most, with both answers (`candidate` is B, `other` is A); as many as asked for.
        digest: of the task.
    """

    whole: Numbers
    slices: tuple[Numbers, ...]
    worst: tuple[Shown, ...]
    digest: str


@dataclass(frozen=True)
class Comparison:
    """Two models.

    Attributes:
        a: the first, as it was asked for.
        b: the second.
        a_sha: its commit; None for a folder.
        b_sha: likewise.
        tasks: what each was compared on.
        engine: what the numbers may depend on.
    """

    a: str
    b: str
    a_sha: str | None
    b_sha: str | None
    tasks: tuple[TaskCompared, ...]
    engine: dict[str, str | int | bool]


def compare(
    a: str,
    b: str,
    *,
    tasks: Sequence[str] = (),
    gates: Path | None = None,
    examples: int = 0,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Score two models on the same examples. Nothing is written but the answers that are kept for the next time.

    Args:
        a: `ORG/NAME@REVISION`, `ORG/NAME` for what is in production, or a folder.
        b: likewise; another repository's, if you like.
        tasks: names of tasks, or `FILE.py:VARIABLE`; all of the gates folder and of `hubver.toml` if none.
        gates: the folder of gates; the settings' own if None.
        examples: how many of the examples that B lost most on to show for each task.
        settings: the user's own if None.
        progress: told, in one line each, what takes long now.

    Raises:
        BadInput: there is no such task or revision, or a scorer gave what is no score.
        HarnessFailed, NotFound, HubUnreachable, HubFailed: a model cannot be fetched, loaded or run.
    """
    settings = settings or Settings.load()
    places = compare_tasks.find(tasks, gates or settings.gates_directory, settings)
    first, second = _contender(a, "A", settings), _contender(b, "B", settings)
    loaded = compare_tasks.load(places, settings)
    cache = settings.cache
    models = Models(settings, progress or (lambda _: None), cache / "answers" if cache else None)
    compared = tuple(_compared(task, (first, second), models, examples, settings.root) for task in loaded)
    return Comparison(first.revision, second.revision, first.sha, second.sha, compared, models.settings())


def numbers(name: str, a: Scores, b: Scores) -> Numbers:
    """What two models' scores on the same examples come to.

    Raises:
        ValueError: there are none, or the examples differ.
    """
    found = statistics.difference_interval(b, a, alpha=ALPHA, seed=SEED)
    won, lost = sum(b[key] > a[key] for key in a), sum(b[key] < a[key] for key in a)
    binary = all(score in {0.0, 1.0} for scores in (a, b) for score in scores.values())
    before, after = statistics.mean(a), statistics.mean(b)
    return Numbers(
        name=name,
        n=len(a),
        a=before,
        b=after,
        difference=after - before,
        low=found.low,
        high=found.high,
        won=won,
        lost=lost,
        tied=len(a) - won - lost,
        mcnemar=statistics.mcnemar(won, lost) if binary else None,
    )


def _contender(text: str, name: str, settings: Settings) -> Contender:
    if "@" not in text and Path(text).is_dir():
        return Contender(name, folder=Path(text).resolve())
    return Contender(name, pin=resolve(text, settings=settings))


def _compared(
    task: Examples, pair: tuple[Contender, Contender], models: Models, shown: int, root: Path
) -> TaskCompared:
    answers = [_answers(task, who, models) for who in pair]
    try:
        a, b = (task.scores(found) for found in answers)
    except BadScore as error:
        raise BadInput(f"The task {task.task!r} cannot be scored: {error}.") from error
    parts = (sliced(a, task.slices), sliced(b, task.slices)) if task.slices else ({}, {})
    slices = [numbers(name, parts[0][name], parts[1][name]) for name in parts[0]]
    return TaskCompared(
        whole=numbers(task.task, a, b),
        slices=tuple(sorted(slices, key=lambda part: (part.difference, part.name))),
        worst=tuple(
            appendix.shown_example(
                task,
                name,
                answers=(answers[1][name], answers[0][name]),
                scores=(b[name], a[name]),
                roots=(root,),
            )
            for name in appendix.worst(b, a, shown)
        ),
        digest=task.digest,
    )


def _answers(task: Examples, who: Contender, models: Models) -> dict[str, tuple[Answer, ...]]:
    asked = [request for requests in task.requests.values() for request in requests]
    found = iter(models.answers(who, asked, f"scoring {len(task.requests)} examples of {task.task} with {who.name}"))
    return {name: tuple(next(found) for _ in requests) for name, requests in task.requests.items()}
