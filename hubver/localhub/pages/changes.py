"""What a commit or a pull request changes, file by file, as far as a page can hold it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

from dulwich.diff_tree import tree_changes
from dulwich.objects import ObjectID

from hubver.localhub.pages.blobs import Glimpse, glimpse, is_text
from hubver.localhub.repos import trees
from hubver.localhub.repos.repository import read_blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dulwich.object_store import BaseObjectStore

FILES_ON_A_PAGE = 50
_LONGEST_FILE = 200_000
_MOST_LINES = 3_000
_SHOWN_LINES = 400
_LONGEST_LINE = 1_000

Side = tuple[int, str]
"""Mode and object id of a file in a tree."""


@dataclass(frozen=True)
class Change:
    """One path that two trees differ in; None stands for absent."""

    path: str
    old: Side | None
    new: Side | None


@dataclass(frozen=True)
class Line:
    """A line of a diff.

    Args:
        kind: whether it came, went, stayed, or tells where in the file the next ones are.
        old: its number before; None if it was not there.
        new: its number afterwards; None if it is not there.
        text: without the end of the line.
    """

    kind: Literal["came", "went", "same", "place"]
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class FileDiff:
    """A changed file.

    Args:
        path: in the repo.
        verb: added, deleted or changed.
        old: the file before; None if it was not there.
        new: the file afterwards; None if it is not there.
        lines: what changed in it, if it is text and short enough.
        note: why there are no lines, or not all.
    """

    path: str
    verb: Literal["added", "deleted", "changed"]
    old: Glimpse | None
    new: Glimpse | None
    lines: list[Line] = field(default_factory=list)
    note: str = ""

    @property
    def is_large(self) -> bool:
        """Whether git holds only a pointer to it, before or now."""
        return any(side is not None and side.pointer is not None for side in (self.old, self.new))

    @property
    def came(self) -> int:
        """Lines added, of those shown."""
        return sum(line.kind == "came" for line in self.lines)

    @property
    def went(self) -> int:
        """Lines removed, of those shown."""
        return sum(line.kind == "went" for line in self.lines)


@dataclass(frozen=True)
class Page:
    """Some of the changed files, and whether there are more after them."""

    files: list[FileDiff]
    number: int
    more: bool


def between(store: BaseObjectStore, old: str | None, new: str) -> Iterator[Change]:
    """The changes from one tree to another, in the order of their paths; from nothing if `old` is None."""
    start = ObjectID(old.encode()) if old else None
    for change in tree_changes(store, start, ObjectID(new.encode())):
        before, after = change.old, change.new
        path = (after or before).path  # type: ignore[union-attr]  # one of them is there
        yield Change(
            (path or b"").decode("utf-8", "replace"),
            (before.mode, before.sha.decode()) if before and before.sha and before.mode else None,
            (after.mode, after.sha.decode()) if after and after.sha and after.mode else None,
        )


def page(store: BaseObjectStore, changes: Iterable[Change], number: int) -> Page:
    """Read the files of one page, counted from 0."""
    start = number * FILES_ON_A_PAGE
    taken = list(islice(changes, start, start + FILES_ON_A_PAGE + 1))
    return Page([_diff(store, change) for change in taken[:FILES_ON_A_PAGE]], number, len(taken) > FILES_ON_A_PAGE)


def _diff(store: BaseObjectStore, change: Change) -> FileDiff:
    old, new = _glimpse(store, change.path, change.old), _glimpse(store, change.path, change.new)
    verb: Literal["added", "deleted", "changed"] = "added" if not change.old else "changed" if change.new else "deleted"
    diff = FileDiff(change.path, verb, old, new)
    if diff.is_large:
        return diff
    sizes = [side.stored for side in (old, new) if side]
    if not sizes:
        return FileDiff(change.path, verb, old, new, note="A submodule: a commit of another repo.")
    if max(sizes) > _LONGEST_FILE:
        return FileDiff(change.path, verb, old, new, note="Too long to be compared here.")
    texts = [
        read_blob(store, side[1]) if side and seen else b"" for side, seen in ((change.old, old), (change.new, new))
    ]
    if any(not is_text(text) for text in texts):
        return FileDiff(change.path, verb, old, new, note="A binary file.")
    before, after = (text.decode("utf-8", "replace").splitlines() for text in texts)
    if max(len(before), len(after)) > _MOST_LINES:
        return FileDiff(change.path, verb, old, new, note="Too long to be compared here.")
    lines = list(islice(_lines(before, after), _SHOWN_LINES + 1))
    note = "Only the first lines are shown." if len(lines) > _SHOWN_LINES else "" if lines else "Its text is the same."
    return FileDiff(change.path, verb, old, new, lines[:_SHOWN_LINES], note)


def _glimpse(store: BaseObjectStore, path: str, side: Side | None) -> Glimpse | None:
    return glimpse(store, trees.Entry(path, *side)) if side else None


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    """The lines that changed with three around them."""
    for group in difflib.SequenceMatcher(None, before, after).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        place = f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@"
        yield Line("place", None, None, place)
        for what, old, old_end, new, new_end in group:
            if what == "equal":
                for step in range(old_end - old):
                    yield Line("same", old + step + 1, new + step + 1, _cut(before[old + step]))
                continue
            for number in range(old, old_end):
                yield Line("went", number + 1, None, _cut(before[number]))
            for number in range(new, new_end):
                yield Line("came", None, number + 1, _cut(after[number]))


def _span(start: int, end: int) -> str:
    """First line and number of lines, as git writes them."""
    return f"{start + 1 if end > start else start},{end - start}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + " …"
