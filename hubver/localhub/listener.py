"""Who is told when something in a repo has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.localhub.repos.refs import RefChange
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.talk.discussions import Discussion


class Listener(Protocol):
    """Told of changes once they are on disk, by whoever holds the repo's lock: it must not wait for anything."""

    def refs_moved(self, repo: Repository, changes: Sequence[RefChange]) -> None:
        """Refs have moved together."""

    def discussion_saved(self, repo: Repository, before: Discussion | None, after: Discussion) -> None:
        """A discussion was opened (`before` is None) or changed."""

    def discussion_deleted(self, repo: Repository, discussion: Discussion) -> None:
        """A discussion is gone."""


class Silence:
    """Tells nobody."""

    def refs_moved(self, repo: Repository, changes: Sequence[RefChange]) -> None:
        """Do nothing."""

    def discussion_saved(self, repo: Repository, before: Discussion | None, after: Discussion) -> None:
        """Do nothing."""

    def discussion_deleted(self, repo: Repository, discussion: Discussion) -> None:
        """Do nothing."""
