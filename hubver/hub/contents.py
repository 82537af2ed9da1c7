"""What a repository on the Hub holds: refs, commits and files, as plain values. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Refs:
    """The refs of a repository, each as the commit it points to.

    Attributes:
        branches: name → sha.
        tags: name → sha.
        pulls: pull request number → sha of its head.
    """

    branches: Mapping[str, str]
    tags: Mapping[str, str]
    pulls: Mapping[int, str]

    @property
    def main(self) -> str:
        """The head of `main`.

        Raises:
            NotFound: the repository has no such branch.
        """
        if "main" not in self.branches:
            raise NotFound(
                "The repository has no branch 'main', which versions are published on.",
                found=", ".join(sorted(self.branches)[:5]) or "no branches",
            )
        return self.branches["main"]

    def find(self, revision: str) -> str | None:
        """The commit that a tag, a branch, `refs/pr/N` or `refs/heads/NAME` names; None if no ref here does.

        A tag goes before a branch of the same name: versions are tags, and tags do not move.
        """
        if revision.startswith("refs/pr/") and revision[8:].isdecimal():
            return self.pulls.get(int(revision[8:]))
        if revision.startswith("refs/heads/"):
            return self.branches.get(revision[11:])
        return self.tags.get(revision) or self.branches.get(revision)


@dataclass(frozen=True)
class Commit:
    """One commit as the Hub lists it: `message` is what follows the title."""

    sha: str
    title: str
    message: str


@dataclass(frozen=True)
class PullRequest:
    """A pull request as the Hub lists it.

    Attributes:
        status: `draft`, `open`, `closed` or `merged`.
        opened: when.
    """

    number: int
    status: str
    opened: datetime


@dataclass(frozen=True)
class Comment:
    """Something said in a discussion or a pull request.

    Attributes:
        id: the Hub's name for it.
        author: the account that said it.
        text: as it was written, in Markdown.
    """

    id: str
    author: str
    text: str


@dataclass(frozen=True)
class StoredFile:
    """One file as the Hub stores it.

    Attributes:
        size: bytes of the content.
        blob: git's sha1 of the blob; of the pointer, for a large file.
        sha256: of the content, for a large file; None for one kept in git.
    """

    path: str
    size: int
    blob: str
    sha256: str | None


@dataclass(frozen=True)
class Upload:
    """One file on its way to the Hub.

    Attributes:
        content: the bytes, or the file that holds them.
        sha256: hex digest of the content, computed by whoever read it; the client need not read it again to know it.
    """

    path: str
    content: bytes | Path
    sha256: str


def git_blob(data: bytes) -> str:
    """The name that git gives a file's content (gitformat: sha1 over `blob SIZE`, a zero byte, the content)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_sha(text: str) -> bool:
    """Whether this is a whole commit sha: 40 lower-case hexadecimal digits."""
    return _SHA.fullmatch(text) is not None
