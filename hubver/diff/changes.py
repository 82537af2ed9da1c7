"""One difference between two runs, how it is said, and what it stands for. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Group = Literal[
    "base",
    "data",
    "tokenizer",
    "hyperparameters",
    "adapter",
    "seed",
    "code",
    "environment",
    "weights",
    "metrics",
]
Standing = Literal["cause", "consequence", "aside", "unknown"]

# What somebody can choose about a run. Weights and metrics are what comes of it.
FACTORS: tuple[Group, ...] = (
    "base",
    "data",
    "tokenizer",
    "hyperparameters",
    "adapter",
    "seed",
    "code",
    "environment",
)


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        group: the part of the run it belongs to.
        field: its name within the part.
        old: its value before; None where there was none or it was not known.
        new: its value now; likewise.
        sentence: for people, such as `learning_rate 0.005 → 0.001`.
        standing: `cause`, where it makes its group a factor; `consequence`, where other differences explain it, such as
            the number of steps after another dataset; `aside`, where it has no bearing on the model, such as the name of
            the output folder on the command line; `unknown`, where only one of the runs recorded it, so that nobody can
            tell whether it differs.
    """

    group: Group
    field: str
    old: Any
    new: Any
    sentence: str
    standing: Standing = "cause"


@dataclass(frozen=True)
class Found:
    """A difference whose standing depends on what else differs.

    Attributes:
        change: as it stands where nothing explains it.
        explained_by: the groups (`tokenizer`) and single fields (`base.id`) of which any other difference makes this
            one a consequence.
    """

    change: Change
    explained_by: frozenset[str] = frozenset()


def settled(found: Iterable[Found]) -> tuple[Change, ...]:
    """Tell consequences from causes. A difference that nothing explains is a cause, however derived it looks.

    Args:
        found: in an order in which what explains comes before what it explains, where both may be explained.
    """
    every = list(found)
    differing = {key for item in every if not item.explained_by for key in _keys(item.change)}
    changes = []
    for item in every:
        change = item.change
        if change.standing == "cause" and item.explained_by & differing:
            change = replace(change, standing="consequence")
        differing.update(_keys(change))
        changes.append(change)
    return tuple(changes)


def _keys(change: Change) -> tuple[str, ...]:
    told = change.standing in {"cause", "consequence"}
    return (change.group, f"{change.group}.{change.field}") if told else ()


def changed(
    group: Group,
    field: str,
    old: Any,
    new: Any,
    *,
    label: str | None = None,
    standing: Standing = "cause",
    explained_by: Iterable[str] = (),
) -> Iterator[Found]:
    """A difference of two values, of which None is one."""
    if old != new:
        sentence = f"{label or field} {show(old)} → {show(new)}"
        yield Found(Change(group, field, old, new, sentence, standing), frozenset(explained_by))


def known(
    group: Group,
    field: str,
    old: Any,
    new: Any,
    *,
    label: str | None = None,
    standing: Standing = "cause",
    explained_by: Iterable[str] = (),
) -> Iterator[Found]:
    """A difference of two values, where None means that a run did not record it."""
    if standing == "cause" and (old is None) != (new is None):
        standing = "unknown"
    yield from changed(group, field, old, new, label=label, standing=standing, explained_by=explained_by)


def digest(
    group: Group, field: str, old: str | None, new: str | None, what: str, *, explained_by: Iterable[str] = ()
) -> Iterator[Found]:
    """Digests say that something differs, not how. None means that there is none."""
    if old == new:
        return
    if old is None or new is None:
        sentence = f"{what}: {'none' if old is None else 'one'} → {'none' if new is None else 'one'}"
    else:
        sentence = f"{what}: other content"
    yield Found(Change(group, field, old, new, sentence), frozenset(explained_by))


def short(sha: str | None) -> str | None:
    """The first eight digits of a commit."""
    return sha[:8] if sha else None


def show(value: Any) -> str:
    """A value in a sentence."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    text = str(value)
    return (text if len(text) <= 80 else f"{text[:77]}...") or "none"
