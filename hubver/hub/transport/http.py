"""Refs moved over the HTTP API, one after another, where git is not to be had: behind some proxies, for one.

The API can move a branch but cannot compare first. So the ledger's line comes first: a commit with `parentCommit`,
which is refused unless the ledger is where it was read. That makes it the lock, and the moment at which the change
happens: what follows only carries it out, and whoever comes next can finish it. Between the last look at a branch and
its move there is a moment in which somebody else may move it, too; the verbs look again afterwards.

Source: the Hub's OpenAPI document (`commit`, `tag`, `branch` with `overwrite`).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from hubver.errors import AlreadyExists, HubFailed
from hubver.hub.contents import Upload
from hubver.hub.transport.moves import LEDGER, LEDGER_REF, LOOK_BACK, Move, everywhere, stale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.transport.moves import Line


class HttpSteps:
    """Moves refs by one HTTP request each; made by `connect`.

    Attributes:
        refs: as the Hub lists them, pull requests included.
        in_steps: always: nothing here moves together.
        moved: branches that this moved, and where to: not together with the line that says so, so it may have been on
            top of moves by others.
    """

    name = "HTTP, one ref at a time"
    in_steps = True

    def __init__(self, hub: Hub, repo_id: str) -> None:
        hub.need_token()
        self._hub, self._repo_id = hub, repo_id
        self.refs: Refs = hub.refs(repo_id)
        self.moved: dict[str, str] = {}

    def carry_out(self, line: Line | None, moves: Sequence[Move]) -> str | None:
        """Move refs, the ledger's line first; a ref that is where it should be already is passed over.

        Args:
            line: the line in the ledger that says so; None to write none.

        Returns:
            The ledger commit, if there is a line.

        Raises:
            StaleRef: a ref is not where it was read. Nothing moved, or nothing from that ref on.
            BadToken: the token may not write.
            HubFailed, HubUnreachable: the answer was lost and the refs, read again, have not moved.
        """
        sha = self._append(line) if line is not None else None
        for one in moves:
            self._move(one)
        return sha

    def _append(self, line: Line) -> str:
        hub, repo_id = self._hub, self._repo_id
        parent = line.parent or self._begin()
        uploads = [
            Upload(path, content, hashlib.sha256(content).hexdigest()) for path, content in sorted(line.files.items())
        ]
        # A commit over HTTP keeps its parent's files: what the event before brought as its evidence must go.
        old = [path for path in hub.files(repo_id, parent) if path not in line.files and not path.startswith(".git")]
        body = line.event.to_bytes().decode()
        try:
            sha, _ = hub.commit(
                repo_id, uploads, delete=old, title=line.title, description=body, parent=parent, branch=LEDGER
            )
        except HubFailed:
            found = self._landed(body)
            if found is None:
                raise
            return found
        return sha

    def _begin(self) -> str:
        """An empty ledger, which shares no commit with `main`; its head."""
        hub, repo_id = self._hub, self._repo_id
        with suppress(AlreadyExists, HubFailed):  # somebody was faster, or only the answer was lost
            hub.create_branch(repo_id, LEDGER, empty=True)
        head = hub.refs(repo_id).branches.get(LEDGER)
        if head is None:
            raise HubFailed(f"{hub.endpoint} did not make a branch for the ledger of {repo_id}.")
        if hub.commits(repo_id, head, limit=2)[0].message.strip():
            raise stale(repo_id, Move(LEDGER_REF, None, None), head)
        return head

    def _landed(self, body: str) -> str | None:
        """The commit that holds this very event, if it arrived and only the answer was lost."""
        hub, repo_id = self._hub, self._repo_id
        head = hub.refs(repo_id).branches.get(LEDGER)
        for commit in hub.commits(repo_id, head, limit=LOOK_BACK) if head else ():
            if commit.message.strip() == body.strip():
                return commit.sha
        return None

    def _move(self, one: Move) -> None:
        hub, repo_id = self._hub, self._repo_id
        now = everywhere(hub.refs(repo_id)).get(one.ref)
        if now == one.new:
            return
        if now != one.old:
            raise stale(repo_id, one, now)
        try:
            self._ask(one)
        except (HubFailed, AlreadyExists):
            if everywhere(hub.refs(repo_id)).get(one.ref) != one.new:
                raise

    def _ask(self, one: Move) -> None:
        hub, repo_id = self._hub, self._repo_id
        kind, _, name = one.ref.removeprefix("refs/").partition("/")
        if kind == "tags":
            if one.new is None:
                hub.delete_tag(repo_id, name)
            else:
                hub.create_tag(repo_id, name, one.new)
        elif one.new is None:
            hub.delete_branch(repo_id, name)
        else:
            self.moved[name] = one.new
            hub.create_branch(repo_id, name, at=one.new, move=one.old is not None)
