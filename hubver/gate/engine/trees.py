"""Continuations of a prompt as a tree: what several of them begin with is in it once, and asked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hubver.gate.engine.encoding import Tokens


@dataclass(frozen=True)
class Tree:
    """Some continuations of one prompt. Their last tokens are in no branch: they are only ever told, never shown.

    Attributes:
        continuations: each once, in order.
        trunk: what all of them begin with. Of a single continuation that is all there is to show.
        branches: the tokens behind the trunk, each followed by all that goes on from it.
        depths: for each of `branches`, how many of them lie between it and the trunk.
        ends: for each of `branches`, where what goes on from it ends: it is shown to those from itself up to there.
        paths: for each continuation, where in `branches` its own tokens are.
    """

    continuations: tuple[Tokens, ...]
    trunk: Tokens
    branches: Tokens
    depths: tuple[int, ...]
    ends: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, continuations: Iterable[Tokens]) -> Tree:
        """The tree of some continuations: at least one, none of them empty."""
        # In order, all that goes on from a token stands together.
        ordered = sorted(set(continuations))
        shown = [tokens[:-1] for tokens in ordered]
        trunk = _common(min(shown), max(shown))  # what these share, all between them share too
        branches: list[int] = []
        depths: list[int] = []
        ends: list[int] = []
        paths: list[tuple[int, ...]] = []
        path: list[int] = []
        before: Tokens = ()
        for tail in (tokens[len(trunk) :] for tokens in shown):
            del path[len(_common(before, tail)) :]
            for depth in range(len(path), len(tail)):
                path.append(len(branches))
                branches.append(tail[depth])
                depths.append(depth)
                ends.append(0)
            for place in path:
                ends[place] = len(branches)
            paths.append(tuple(path))
            before = tail
        return cls(tuple(ordered), trunk, tuple(branches), tuple(depths), tuple(ends), tuple(paths))

    @property
    def shown(self) -> int:
        """How many tokens a model is shown behind the prompt."""
        return len(self.trunk) + len(self.branches)

    def told(self) -> Iterator[tuple[list[int], Tokens]]:
        """For each continuation its tokens, and behind which one each is told.

        They are counted through: 0 is the prompt's last token, then comes the trunk, then `branches`.
        """
        first = 1 + len(self.trunk)
        for path, tokens in zip(self.paths, self.continuations, strict=True):
            yield [*range(first), *(first + place for place in path)], tokens


def _common(one: Tokens, other: Tokens) -> Tokens:
    """What both begin with."""
    shorter = min(len(one), len(other))
    return one[: next((at for at in range(shorter) if one[at] != other[at]), shorter)]


def trees(continuations: Sequence[Tokens], largest: int) -> list[Tree]:
    """All continuations of one prompt, in as few trees as hold no more than so many tokens each, if they can."""
    groups: list[list[Tokens]] = []
    size = 0
    for tokens in sorted(set(continuations)):
        if not groups or size + len(tokens) > largest:
            groups.append([])
            size = 0
        groups[-1].append(tokens)
        size += len(tokens)
    return [Tree.of(group) for group in groups]
