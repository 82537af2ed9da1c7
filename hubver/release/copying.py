"""A commit of one repository, copied to another as one commit that holds the same files, to the byte.

The id of what was copied stands in the commit's message: killed anywhere, the same again finds the copy and makes no other.
What the other repository has already is not sent again: files that its `main` has are left as they are, and large files
that it has anywhere are known to its Hub by their sha256.
"""

from __future__ import annotations

import glob
import hashlib
from typing import TYPE_CHECKING

from hubver.errors import HubFailed, StaleRef
from hubver.hub.contents import Upload, git_blob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hubver.hub.client import Hub
    from hubver.hub.contents import StoredFile
    from hubver.hub.events import Source

_TRIES = 5
_LOOK_BACK = 50


def copy(source_hub: Hub, source: Source, hub: Hub, repo_id: str, *, name: str, tell: Callable[[str], None]) -> str:
    """Put the files of a commit on `main` of another repository, or find that they are there.

    Args:
        source_hub: reads what is copied.
        hub: writes to the other repository.
        name: what the copy will be called.

    Returns:
        The copy's commit: what the Hub says that it holds is what the Hub says that the original holds.

    Raises:
        HubFailed: it holds something else.
        StaleRef: others kept committing there at the same time.
        BadToken, HubUnreachable: see `hubver.hub`.
    """
    ours = source_hub.files(source.repo_id, source.sha)
    for attempt in range(1, _TRIES + 1):
        head = hub.refs(repo_id).main
        found = _find(hub, repo_id, head, source)
        if found is not None:
            _check_same(hub, repo_id, found, ours)
            return found
        theirs = hub.files(repo_id, head)
        if theirs == ours:
            return head  # another version with the same files: a commit that changes nothing is none
        needed = {path: stored for path, stored in ours.items() if theirs.get(path) != stored}
        try:
            uploads = _fetch(source_hub, source, needed)
            tell(f"copying {name} to {repo_id}: {sum(one.size for one in needed.values()) / 1e6:.1f} MB")
            hub.commit(
                repo_id,
                uploads,
                delete=sorted(theirs.keys() - ours.keys()),
                title=f"{name} of {source.repo_id}",
                description=_trailer(source),
                parent=head,
            )
        except (StaleRef, HubFailed):
            # Somebody committed in between, or the answer was lost: both are settled by looking again.
            if attempt == _TRIES or hub.refs(repo_id).main == head:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _find(hub: Hub, repo_id: str, head: str, source: Source) -> str | None:
    for commit in hub.commits(repo_id, head, limit=_LOOK_BACK):
        if _trailer(source) in commit.message.splitlines():
            return commit.sha
    return None


def _trailer(source: Source) -> str:
    return f"Hubver-Copy-Of: {source.repo_id}@{source.sha}"


def _fetch(hub: Hub, source: Source, needed: Mapping[str, StoredFile]) -> list[Upload]:
    """The files, read once, and compared with what the Hub says it stores."""
    if not needed:
        return []
    folder = hub.snapshot(source.repo_id, source.sha, [glob.escape(path) for path in needed])
    uploads = []
    for path, stored in sorted(needed.items()):
        file = folder / path
        digest = _sha256(file)
        arrived = digest == stored.sha256 if stored.sha256 else git_blob(file.read_bytes()) == stored.blob
        if not arrived:
            raise HubFailed(
                f"{path} of {source.repo_id}@{source.sha[:8]} did not arrive as the Hub says it is.",
                hint="Run the same command again.",
            )
        uploads.append(Upload(path, file, digest))
    return uploads


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _check_same(hub: Hub, repo_id: str, sha: str, ours: Mapping[str, StoredFile]) -> None:
    theirs = hub.files(repo_id, sha)
    differing = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
    if differing:
        raise HubFailed(
            f"The copy {sha[:8]} in {repo_id} does not hold the same files, so no channel moves to it.",
            found=f"differences in {', '.join(differing[:5])}",
            hint=f"See who wrote it: git log {sha[:8]}",
        )
