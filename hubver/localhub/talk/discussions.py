"""Discussions and pull requests: one JSON file each, holding its events as the Hub's API shows them.

A pull request's commits are the git ref `refs/pr/<number>`; the file says what was said and decided about them.
"""

from __future__ import annotations

import json
import re
import secrets
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hubver.localhub.errors import HubError
from hubver.localhub.repos.files import sync_folder, write_atomically
from hubver.localhub.repos.refs import RefusedChanges
from hubver.localhub.store import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hubver.localhub.repos.refs import RefChange
    from hubver.localhub.repos.repository import Repository

_PULL_REF = re.compile(r"refs/pr/([1-9][0-9]{0,8})")


def pull_ref(number: int) -> str:
    """Full name of the ref that holds a pull request's commits."""
    return f"refs/pr/{number}"


def pull_number(ref: str) -> int | None:
    """Number of the pull request whose ref this is; None for other refs."""
    found = _PULL_REF.fullmatch(ref)
    return int(found[1]) if found else None


@dataclass
class Discussion:
    """A discussion, or a pull request onto the branch `base`.

    Args:
        num: number in the repo; discussions and pull requests share one series.
        title: what it is called.
        author: name of the user who opened it.
        created_at: ISO 8601 in UTC.
        status: draft, open, closed or merged.
        base: full name of the branch a pull request is for; None for a discussion.
        merge_commit: commit that merged it.
        events: comments, commits, and changes of status and title, oldest first.
    """

    num: int
    title: str
    author: str
    created_at: str
    status: str
    base: str | None = None
    merge_commit: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    def record(self, kind: str, author: str, data: dict[str, Any]) -> dict[str, Any]:
        """Append an event and answer it."""
        event = {
            "id": secrets.token_hex(12),
            "author": {"name": author, "type": "user"},
            "createdAt": now(),
            "type": kind,
            "data": data,
        }
        self.events.append(event)
        return event

    def comment(self, author: str, content: str) -> dict[str, Any]:
        """Append a comment and answer its event."""
        latest = _version(author, content)
        return self.record("comment", author, {"edited": False, "hidden": False, "latest": latest, "history": [latest]})

    def edit_comment(self, comment: str, author: str, content: str) -> dict[str, Any]:
        """Give a comment another text; the former ones stay in its history.

        Raises:
            HubError: 404, or 403 for somebody else's or a hidden comment.
        """
        event = self._comment(comment)
        if event["author"]["name"] != author or event["data"]["hidden"]:
            raise HubError(403, "Only its author can edit a comment, and not once it is hidden")
        latest = _version(author, content)
        event["data"] |= {"edited": True, "latest": latest, "history": [latest, *event["data"]["history"]]}
        return event

    def hide_comment(self, comment: str, author: str) -> dict[str, Any]:
        """Take a comment's text away for good.

        Raises:
            HubError: 404.
        """
        event = self._comment(comment)
        hidden = _version(author, "This comment has been hidden")
        event["data"] |= {"hidden": True, "hiddenBy": author, "latest": hidden, "history": [hidden]}
        return event

    def _comment(self, comment: str) -> dict[str, Any]:
        for event in self.events:
            if event["id"] == comment and event["type"] == "comment":
                return event
        raise HubError(404, f"No comment {comment} in #{self.num}")

    def rename(self, author: str, title: str) -> dict[str, Any]:
        """Change the title and answer the event."""
        event = self.record("title-change", author, {"from": self.title, "to": title})
        self.title = title
        return event

    def set_status(self, author: str, status: str) -> dict[str, Any]:
        """Change the status and answer the event."""
        self.status = status
        return self.record("status-change", author, {"status": status})


def _version(author: str, content: str) -> dict[str, Any]:
    return {"raw": content, "html": "", "updatedAt": now(), "author": {"name": author, "type": "user"}}


class Discussions:
    """The discussions of one repo. Writers hold the repo's lock."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._folder = repo.folder / "discussions"

    def get(self, number: int) -> Discussion:
        """Answer one.

        Raises:
            HubError: 404.
        """
        try:
            return Discussion(**json.loads((self._folder / f"{number}.json").read_bytes()))
        except FileNotFoundError:
            raise HubError(404, f"No discussion #{number} in {self._repo.description.id}") from None

    def list(self) -> list[Discussion]:
        """All of them, newest first."""
        return [self.get(number) for number in sorted(self._numbers(), reverse=True)]

    def newest(self, before: int | None = None) -> Iterator[Discussion]:
        """Those with numbers below `before`, newest first, each read when it is asked for."""
        for number in sorted(self._numbers(), reverse=True):
            if before is None or number < before:
                yield self.get(number)

    def _numbers(self) -> set[int]:
        return {int(file.stem) for file in self._folder.glob("[0-9]*.json")}

    def next_number(self) -> int:
        """The number for the next one. A ref that a crash left without its file uses its number up."""
        pulls = {pull_number(name) or 0 for name in self._repo.refs.read()}
        deleted = {int(file.stem) for file in self._folder.glob("[0-9]*.deleted")}
        return max(self._numbers() | deleted | pulls, default=0) + 1

    def delete(self, number: int) -> None:
        """Delete one; what is left of it keeps its number from being used again, and can be read by whoever must."""
        (self._folder / f"{number}.json").rename(self._folder / f"{number}.deleted")
        sync_folder(self._folder)

    def save(self, discussion: Discussion) -> None:
        """Write one."""
        before = self.get(discussion.num) if discussion.num in self._numbers() else None
        write_atomically(self._folder / f"{discussion.num}.json", json.dumps(asdict(discussion), indent=1).encode())
        self._pending(discussion.num).unlink(missing_ok=True)
        self._repo.listener.discussion_saved(self._repo, before, discussion)

    @contextmanager
    def telling(self, told: Sequence[tuple[Discussion, RefChange]]) -> Iterator[None]:
        """Write discussions together with the refs that they tell of, which the block moves: a crash keeps both or none.

        Raises:
            RefusedChanges: from the block; nothing is written then.
        """
        for discussion, change in told:
            note = {"ref": change.name, "at": change.new, "discussion": asdict(discussion)}
            write_atomically(self._pending(discussion.num), json.dumps(note).encode())
        try:
            yield
        except RefusedChanges:
            for discussion, _ in told:
                self._pending(discussion.num).unlink()
            raise
        for discussion, _ in told:
            self.save(discussion)

    def _pending(self, number: int) -> Path:
        return self._folder / f"{number}.pending"

    def recover(self) -> None:
        """Write what a crash has left unwritten of discussions whose refs have moved. Nothing has moved since."""
        refs = self._repo.refs.read()
        for pending in self._folder.glob("[0-9]*.pending"):
            note = json.loads(pending.read_bytes())
            if note["ref"] in refs and refs[note["ref"]].target == note["at"]:
                self.save(Discussion(**note["discussion"]))
            pending.unlink(missing_ok=True)

    def start(
        self, author: str, title: str, description: str, *, status: str = "open", base: str | None = None
    ) -> Discussion:
        """Make one with the next number and its first comment; `save` is what keeps it."""
        discussion = Discussion(self.next_number(), title, author, now(), status, base)
        discussion.comment(author, description)
        return discussion
