"""Where a run is on the Hub: what an earlier push of the same run got done, and whether it arrived as it was sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hubver.errors import AlreadyExists, HubFailed
from hubver.hub import ledger, pulls
from hubver.hub.contents import git_blob
from hubver.hub.events import Published
from hubver.record.draft import RUN_FILE
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.signing.bundle import SIGNATURE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs, StoredFile
    from hubver.versions import Version

_LOOK_BACK = 50
# What a run's commit holds beside the files that its record lists. The Hub itself keeps `.gitattributes`.
_BESIDE = frozenset({RECORD_FILE, SIGNATURE_FILE, "README.md", ".gitattributes"})


@dataclass(frozen=True)
class Landed:
    """A run's commit on the Hub.

    Attributes:
        record: the record that the commit holds.
        pull_request: the one that it came by, if it did.
        listed: whether the ledger has it.
    """

    sha: str
    record: RunRecord
    pull_request: int | None = None
    listed: bool = False


def trailer(run_id: str) -> str:
    """The line of a commit's message that says which run it holds."""
    return f"Hubver-Run: {run_id}"


def marker(run_id: str) -> str:
    """What a pull request's title ends with: it says which run it holds, where a commit's message cannot be seen."""
    return f"[{run_id}]"


def find(hub: Hub, repo_id: str, refs: Refs, run_id: str, sent: int | None = None) -> Landed | None:
    """The commit of a run, wherever a push of it got to; None if it is not there yet.

    The ledger's newest thousand events know what was finished, also where a merge has squashed the run's own commit; a
    push that was cut short left its commit on `main`, or in a pull request that this account opened and that is still
    open, or that somebody has merged since.

    Args:
        sent: the pull request that the Hub has just said it opened for this run.
    """
    return (
        _in_ledger(hub, repo_id, refs, run_id)
        or _on_main(hub, repo_id, refs, run_id)
        or _in_pull_request(hub, repo_id, refs, run_id, sent)
    )


def check_same(found: Landed, record: RunRecord, wanted: Version | None) -> None:
    """Compare what an earlier push of a run sent with what this one would send.

    Args:
        wanted: the version that the user wants now; None for any.

    Raises:
        AlreadyExists: the files or the version are others.
    """
    ours = {entry.path: entry.sha256 for entry in record.files}
    theirs = {entry.path: entry.sha256 for entry in found.record.files}
    differing = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
    if differing:
        raise AlreadyExists(
            f"Run {found.record.run_id} is published already, as {found.record.version}, with other files.",
            found=f"differences in {', '.join(differing[:3])}",
            hint=f"A new run needs a new training, or remove {RUN_FILE} from the folder to publish it as one.",
        )
    if wanted is not None and found.record.version != str(wanted) and found.pull_request is None:
        raise AlreadyExists(f"Run {found.record.run_id} is published already, as {found.record.version}.")


def check_stored(hub: Hub, repo_id: str, found: Landed, files: Mapping[str, Path | bytes]) -> None:
    """Compare what the Hub says it stored with what the record says, before a tag says that it is a version.

    Args:
        files: the content by path, as it was sent.

    Raises:
        HubFailed: a file is missing, or is not the one that was hashed.
    """
    stored = hub.files(repo_id, found.sha)
    for entry in found.record.files:
        there = stored.get(entry.path)
        if there is None:
            raise HubFailed(f"The commit {found.sha[:8]} lacks {entry.path}, so it gets no version tag.")
        # A large file is stored by its sha256. A small one is a git blob, whose name is another digest, so its bytes
        # are read again: they may have changed after they were hashed.
        arrived = there.sha256 == entry.sha256
        if there.sha256 is None:
            content = files[entry.path]
            data = content if isinstance(content, bytes) else content.read_bytes()
            arrived = hashlib.sha256(data).hexdigest() == entry.sha256 and git_blob(data) == there.blob
        if not arrived:
            raise HubFailed(
                f"{entry.path} in the commit {found.sha[:8]} is not the file that was hashed, so it gets no version tag.",
                expected=f"sha256 {entry.sha256[:12]}",
                hint="If the folder changed while it was read, publish it again as it is now, as a new run.",
            )


def check_alone(hub: Hub, repo_id: str, refs: Refs, found: Landed) -> None:
    """Compare what a run's commit holds beside the run with what `main` held before, where people keep files of theirs.

    Raises:
        HubFailed: it brings or changes a file that the run does not have, such as code that a model would run.
    """
    stored = hub.files(repo_id, found.sha)
    beside = stored.keys() - {entry.path for entry in found.record.files} - _BESIDE
    if not beside:
        return
    before = _before(hub, repo_id, refs, found.sha)
    foreign = sorted(path for path in beside if before.get(path) != stored[path])
    if foreign:
        number = found.pull_request
        raise HubFailed(
            f"The commit {found.sha[:8]} holds what is not of this run, so it gets no version tag.",
            found=f"{', '.join(foreign[:3])}{', and more' if len(foreign) > 3 else ''}",
            hint="Look who added it; then "
            + (f"close pull request #{number} and publish again." if number else "publish the folder as a new run."),
        )


def too_late(record: RunRecord, published: RunRecord) -> tuple[str, ...]:
    """What a push knows of a run that was published without it, in a sentence."""
    known = {gap.field for gap in published.gaps} - {gap.field for gap in record.gaps}
    if not known:
        return ()
    return (
        f"{published.version} was published without knowing {', '.join(sorted(known))}, and versions never change.",
    )


def unsigned(hub: Hub, repo_id: str, found: Landed) -> tuple[str, ...]:
    """What to say where a signature was asked for, and an earlier push of the run made none."""
    if hub.read_if_there(repo_id, found.sha, SIGNATURE_FILE) is not None:
        return ()
    return (f"An earlier push sent this run unsigned. Sign it with: hubver sign {repo_id}@{found.record.version}",)


def _in_ledger(hub: Hub, repo_id: str, refs: Refs, run_id: str) -> Landed | None:
    for entry in islice(ledger.search(hub, repo_id, refs), ledger.WHOLE_PAGE):
        if isinstance(entry.event, Published) and entry.event.run_id == run_id:
            return _read(hub, repo_id, entry.event.release.sha, entry.event.pull_request, listed=True)
    return None


def _on_main(hub: Hub, repo_id: str, refs: Refs, run_id: str) -> Landed | None:
    for commit in hub.commits(repo_id, refs.main, limit=_LOOK_BACK):
        # A merge keeps the pull request's title, but not the message of its commit.
        if trailer(run_id) in commit.message.splitlines() or marker(run_id) in commit.title:
            return _read(hub, repo_id, commit.sha)
    return None


def _in_pull_request(hub: Hub, repo_id: str, refs: Refs, run_id: str, sent: int | None) -> Landed | None:
    number = sent
    if number is None and refs.pulls:
        number = pulls.find_open(hub, repo_id, marker(run_id))
    return None if number is None or number not in refs.pulls else _read(hub, repo_id, refs.pulls[number], number)


def _before(hub: Hub, repo_id: str, refs: Refs, sha: str) -> dict[str, StoredFile]:
    """The files of the commit of `main` that a run's commit follows; none if it is too far back."""
    on_main = {commit.sha for commit in hub.commits(repo_id, refs.main, limit=ledger.WHOLE_PAGE)}
    followed = (commit.sha for commit in hub.commits(repo_id, sha, limit=_LOOK_BACK)[1:] if commit.sha in on_main)
    head = next(followed, None)
    return hub.files(repo_id, head) if head else {}


def _read(hub: Hub, repo_id: str, sha: str, pull_request: int | None = None, *, listed: bool = False) -> Landed:
    raw = hub.read(repo_id, sha, RECORD_FILE)
    return Landed(sha, RunRecord.from_bytes(raw, source=f"{RECORD_FILE} at {sha[:8]}"), pull_request, listed)
