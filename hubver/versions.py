"""Semantic versions of a model, as tags: `v1.2.0`, and `v1.2.0-rc.1` for a candidate that is still a pull request.

Pure: no file, no network, no clock. The order is that of semver.org, section 11: a candidate precedes its version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import total_ordering
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

Bump = Literal["major", "minor", "patch"]

# A tag may be anything: digits are those of ASCII, and no more of them than a number of 64 bits has.
_NUMBER = r"(0|[1-9][0-9]{0,17})"
_VERSION = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-rc\.([1-9][0-9]{{0,17}}))?")


@total_ordering
@dataclass(frozen=True)
class Version:
    """A version of a model. `Version.parse(str(v)) == v` for every version `v`.

    Attributes:
        major: another base, tokenizer or task format: applications must change.
        minor: other data, settings or code.
        patch: only the card or metadata.
        candidate: the N of `-rc.N`, or None for a final version.
    """

    major: int
    minor: int
    patch: int
    candidate: int | None = None

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `v1.2.0`, `1.2.0` or `v1.2.0-rc.3`.

        Raises:
            BadInput: it is no such version.
        """
        version = cls.try_parse(text)
        if version is None:
            raise BadInput(
                f"{text!r} is not a version.", expected="vMAJOR.MINOR.PATCH or vMAJOR.MINOR.PATCH-rc.N, such as v1.2.0"
            )
        return version

    @classmethod
    def try_parse(cls, text: str) -> Version | None:
        """Like `parse`, but None for anything that is not a version: repositories hold other tags too."""
        match = _VERSION.fullmatch(text)
        if match is None:
            return None
        major, minor, patch, candidate = match.groups()
        return cls(int(major), int(minor), int(patch), int(candidate) if candidate else None)

    def __str__(self) -> str:
        core = f"v{self.major}.{self.minor}.{self.patch}"
        return core if self.candidate is None else f"{core}-rc.{self.candidate}"

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    @property
    def _key(self) -> tuple[int, int, int, float]:
        return (self.major, self.minor, self.patch, float("inf") if self.candidate is None else self.candidate)

    @property
    def final(self) -> Version:
        """The version that this candidate would become; itself if it is no candidate."""
        return replace(self, candidate=None)

    def bumped(self, bump: Bump) -> Version:
        """The next final version after this one's final version."""
        if bump == "major":
            return Version(self.major + 1, 0, 0)
        if bump == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)


FIRST = Version(1, 0, 0)


def known(tags: Iterable[str]) -> list[Version]:
    """The versions among some tags, ascending; other tags are passed over."""
    found = (version for tag in tags if (version := Version.try_parse(tag)) is not None)
    return sorted(found, key=attrgetter("_key"))  # made once for each of some thousand, not at each comparison


def propose(taken: Iterable[Version], bump: Bump = "minor") -> Version:
    """The next final version: `FIRST` where there is none, else the highest final one taken, bumped.

    Candidates take no number: while `v1.2.0-rc.1` waits, another run may still become v1.2.0.
    """
    finals = [version for version in taken if version.candidate is None]
    return max(finals).bumped(bump) if finals else FIRST


def next_candidate(version: Version, taken: Iterable[Version]) -> Version:
    """The next `-rc.N` of a version."""
    numbers = [other.candidate for other in taken if other.final == version.final and other.candidate is not None]
    return replace(version, candidate=max(numbers, default=0) + 1)
