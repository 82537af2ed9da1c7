"""A run's own branch, `runs/<run id>`: one commit a checkpoint, beside `main` and its versions.

The branch starts at the commit that `main` is at, so that a checkpoint can be compared with the version before. As for a
version, the id in the commit's message says what has been published: killed anywhere, the same again adds nothing twice.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from hubver import card, landed
from hubver.errors import BadDocument, BadInput, HubFailed, NotFound, StaleRef
from hubver.hub.contents import Upload
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.record.schema import RECORD_FILE, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.record.capture import Capture
    from hubver.record.schema import Checkpoint

_CARD = "README.md"
_TRIES = 5
_PAGE = 100
_MOST_PAGES = 10
# What git and the Hub take as a part of a branch's name (git-check-ref-format), and nothing that needs a second thought.
_RUN_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?![.]|lock$|$))*")


@dataclass(frozen=True)
class _Place:
    """Where a commit goes: the branch, and the head that it is made for."""

    hub: Hub
    repo_id: str
    branch: str
    head: str


@dataclass(frozen=True)
class Sent:
    """A checkpoint on the Hub: its commit, and whether it was there before."""

    sha: str
    already: bool


def branch_of(run_id: str) -> str:
    """The branch of a run's checkpoints.

    Raises:
        BadInput: the id cannot be part of a branch's name.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise BadInput(f"The run id {run_id!r} cannot name a branch.", expected="letters, digits, '.', '_' and '-'")
    return f"runs/{run_id}"


def send(hub: Hub, repo_id: str, taken: Capture, checkpoint: Checkpoint, tell: Callable[[str], None]) -> Sent:
    """Publish a checkpoint as one commit on its run's branch.

    Args:
        taken: the folder's content.
        checkpoint: which one it is, as its record says.
        tell: told each step, in a few words.

    Raises:
        BadInput: the run's id cannot name a branch.
        StaleRef: others kept committing to the branch at the same time.
        BadToken, HubUnreachable, HubFailed: see `hubver.hub`; the same again goes on where it stopped.
    """
    branch = branch_of(checkpoint.of_run)
    refs = _refs_or_new_repo(hub, repo_id, tell)
    already = True
    for attempt in count(1):
        try:
            found = _find(hub, repo_id, refs, checkpoint.of_run, taken.record.run_id)
            if found is not None:
                landed.check_stored(hub, repo_id, landed.Landed(found, taken.record), taken.files)
                return Sent(found, already)
            already = False
            _commit(_Place(hub, repo_id, branch, _head(hub, repo_id, branch, refs)), taken, tell)
            refs = hub.refs(repo_id)
        except (StaleRef, HubFailed):  # noqa: PERF203  # each try is a whole publication
            # Either somebody committed in between, or the answer was lost: both are settled by looking again.
            seen = hub.refs(repo_id)
            if attempt == _TRIES or seen == refs:
                raise
            refs = seen
    raise AssertionError("unreachable: the last try returns or raises")


def mark_best(hub: Hub, repo_id: str, of_run: str, step: int) -> tuple[str, str]:
    """Tag a run's best checkpoint `runs/<run id>/best`. Tags never move: a later best gets `best-<step>`.

    Returns:
        The tag and the commit.

    Raises:
        NotFound: that checkpoint is not on the Hub.
        StaleRef, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    refs = hub.refs(repo_id)
    sha = _find(hub, repo_id, refs, of_run, checkpoint_id(of_run, step))
    if sha is None:
        raise NotFound(f"The best checkpoint of {of_run}, of step {step}, is not in {repo_id}, so it gets no tag.")
    tag = f"{branch_of(of_run)}/best"
    if refs.tags.get(tag) not in (None, sha):
        tag = f"{tag}-{step}"
    if tag not in refs.tags:
        move(hub, repo_id, [Move(f"refs/tags/{tag}", None, sha)])
    return tag, sha


def checkpoint_id(of_run: str, step: int) -> str:
    """The id of a checkpoint's own record."""
    return f"{of_run}-checkpoint-{step}"


def _refs_or_new_repo(hub: Hub, repo_id: str, tell: Callable[[str], None]) -> Refs:
    try:
        return hub.refs(repo_id)
    except NotFound:
        tell(f"creating {repo_id}")
        hub.create_repo(repo_id)
        return hub.refs(repo_id)


def _head(hub: Hub, repo_id: str, branch: str, refs: Refs) -> str:
    if branch not in refs.branches:
        move(hub, repo_id, [Move(f"refs/heads/{branch}", None, refs.main)])
    return refs.branches.get(branch, refs.main)


def _find(hub: Hub, repo_id: str, refs: Refs, of_run: str, run_id: str) -> str | None:
    """The commit of a checkpoint on its run's branch, which is looked through as far as it is the run's own."""
    head = refs.branches.get(branch_of(of_run))
    if head is None or head == refs.main:
        return None
    own = landed.trailer(f"{of_run}-checkpoint-")
    for number in range(_MOST_PAGES):
        commits = hub.commits(repo_id, head, limit=_PAGE, page=number)
        for commit in commits:
            if landed.trailer(run_id) in commit.message.splitlines():
                return commit.sha
        if len(commits) < _PAGE or own not in commits[-1].message:
            break
    return None


def _commit(at: _Place, taken: Capture, tell: Callable[[str], None]) -> None:
    hub, repo_id, head = at.hub, at.repo_id, at.head
    record = taken.record
    page = card.render(record, changes=(), verdict=None, previous=hub.read_if_there(repo_id, head, _CARD))
    digests = {entry.path: entry.sha256 for entry in record.files}
    uploads = [Upload(path, content, digests[path]) for path, content in taken.files.items()]
    for path, content in ((RECORD_FILE, record.to_bytes()), (_CARD, page)):
        uploads.append(Upload(path, content, hashlib.sha256(content).hexdigest()))
    arriving = {upload.path for upload in uploads}
    size = sum(entry.size for entry in record.files)
    tell(f"{record.run_id}: sending {len(uploads)} files ({size / 1e6:.1f} MB)")
    hub.commit(
        repo_id,
        uploads,
        delete=[path for path in _published_at(hub, repo_id, head) if path not in arriving],
        title=record.run_id,
        description=landed.trailer(record.run_id),
        parent=head,
        branch=at.branch,
    )


def _published_at(hub: Hub, repo_id: str, revision: str) -> list[str]:
    """What the commit before published; a record that cannot be read must not stop the next checkpoint."""
    try:
        raw = hub.read_if_there(repo_id, revision, RECORD_FILE)
        return [entry.path for entry in RunRecord.from_bytes(raw).files] if raw is not None else []
    except BadDocument:
        return []
