"""The refs of one bare repo, all in git's `packed-refs` file.

One file, replaced by one rename, is what makes an update of several refs atomic: readers and crashes see all of it or
none. Stock git reads the same file; it holds no loose refs beside `HEAD`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dulwich.refs import Ref, check_ref_format

from hubver.localhub.repos.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

MAIN = "refs/heads/main"
_HEADER = "# pack-refs with: peeled fully-peeled sorted \n"


@dataclass(frozen=True)
class RefChange:
    """One ref moved from `old` to `new`; None stands for absent. Values are object ids in hex."""

    name: str
    old: str | None
    new: str | None


class RefusedChanges(Exception):
    """Nothing was changed, because of these refs."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        self.reasons = reasons


class RefValue(NamedTuple):
    """Where a ref points: `target` may be an annotated tag, `commit` is what it peels to.

    A tuple, because each request that is about refs makes one for every ref of a repo.
    """

    target: str
    commit: str


class Refs:
    """Reads and moves the refs of the bare repo at `git_dir`. Writers hold the repo's lock."""

    def __init__(self, git_dir: Path) -> None:
        self._file = git_dir / "packed-refs"

    def read(self) -> dict[str, RefValue]:
        """Every ref by its full name, as they stood together at one moment."""
        found: dict[str, RefValue] = {}
        name = ""
        for line in self._file.read_text().splitlines() if self._file.exists() else ():
            if line.startswith("^"):
                found[name] = RefValue(found[name].target, line[1:])
            elif not line.startswith("#"):
                target, _, name = line.partition(" ")
                found[name] = RefValue(target, target)
        return found

    def update(self, changes: Iterable[RefChange], peel: Callable[[str], str]) -> None:
        """Move all the refs, or none.

        Args:
            changes: each is made only if its ref is at `old`.
            peel: answers the commit of an object id that may be an annotated tag.

        Raises:
            RefusedChanges: with a reason for each ref that stands in the way.
        """
        refs = self.read()
        commits = {value.target: value.commit for value in refs.values()}
        reasons = {}
        for change in changes:
            present = refs.get(change.name)
            if (present.target if present else None) != change.old:
                reasons[change.name] = "stale info"
            elif change.new is None:
                refs.pop(change.name, None)
            elif not check_ref_format(Ref(change.name.encode())):
                reasons[change.name] = "funny refname"
            else:
                refs[change.name] = RefValue(change.new, commits.get(change.new) or peel(change.new))
        names = sorted(refs)  # by code points, which is the order of their bytes in UTF-8 too
        # Git cannot hold `a` and `a/b` at once: as loose refs one is a file and the other needs a folder there.
        for change in changes:
            if change.name in refs and (
                _is_folder(change.name, names) or not refs.keys().isdisjoint(_above(change.name))
            ):
                reasons[change.name] = "ref name conflict"
        if reasons:
            raise RefusedChanges(reasons)
        lines = [_HEADER]
        for name in names:
            value = refs[name]
            lines.append(f"{value.target} {name}\n")
            if value.commit != value.target:
                lines.append(f"^{value.commit}\n")
        write_atomically(self._file, "".join(lines).encode())


class LaggingRefs(Refs):
    """Refs of which some are said to be where they were before: for reading only.

    Args:
        git_dir: of the bare repo.
        stale: the commit each of them is said to be at; None for one that is said to be absent.
    """

    def __init__(self, git_dir: Path, stale: Mapping[str, str | None]) -> None:
        super().__init__(git_dir)
        self._stale = stale

    def read(self) -> dict[str, RefValue]:
        """Every ref by its full name, the stale ones where they are said to be."""
        refs = {name: value for name, value in super().read().items() if name not in self._stale}
        return refs | {name: RefValue(commit, commit) for name, commit in self._stale.items() if commit}


def _is_folder(name: str, names: list[str]) -> bool:
    """Whether one of these names, which are in order, lies below this one."""
    first = bisect_left(names, f"{name}/")
    return first < len(names) and names[first].startswith(f"{name}/")


def _above(name: str) -> list[str]:
    """The folders that a name lies in."""
    return [name[:end] for end, letter in enumerate(name) if letter == "/"]
