"""Pull requests on a Hub repository: found, commented and merged.

Merging squashes onto `main`, so a merge's commit is never the commit that was reviewed; `refs/pr/N` keeps that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import HubFailed, StaleRef
from hubver.hub.answers import translated

if TYPE_CHECKING:
    from hubver.hub.client import Hub
    from hubver.hub.contents import PullRequest, Refs

_MOST_PAGES = 20


def find_open(hub: Hub, repo_id: str, marker: str) -> int | None:
    """The number of the open pull request whose title holds a marker; None if there is none."""
    with translated(hub.endpoint, repo_id):
        for discussion in hub.api.get_repo_discussions(
            repo_id, discussion_type="pull_request", discussion_status="open"
        ):
            if marker in discussion.title:
                return discussion.num
    return None


def with_head(refs: Refs, sha: str) -> int | None:
    """The number of the pull request whose head is this commit; the newest if there are several."""
    numbers = [number for number, head in refs.pulls.items() if head == sha]
    return max(numbers, default=None)


def merge(hub: Hub, repo_id: str, number: int, *, head: str, comment: str) -> bool:
    """Merge a pull request into `main`, leaving a comment.

    Args:
        head: the commit that was judged.

    Returns:
        Whether it was merged now: one that is merged or closed already is left as it is.

    Raises:
        StaleRef: it has other commits now, which nobody judged.
    """
    if _status(hub, repo_id, number) not in ("open", "draft"):
        return False
    now = hub.refs(repo_id).pulls.get(number)
    if now != head:
        raise StaleRef("It has changed since it was judged.", expected=head[:8], found=now[:8] if now else "no head")
    try:
        with translated(hub.endpoint, f"pull request #{number} of {repo_id}"):
            hub.api.merge_pull_request(repo_id, number, comment=comment)
    except HubFailed:
        # A lost answer is not a failure.
        if _status(hub, repo_id, number) != "merged":
            raise
    return True


def listed(hub: Hub, repo_id: str) -> tuple[PullRequest, ...]:
    """The pull requests, newest first: a hundred a request where the Hub gives so many, in twenty requests at most."""
    found: list[PullRequest] = []
    for page in range(_MOST_PAGES):
        some, count = hub.pull_requests(repo_id, page)
        found += some
        if not some or len(found) >= count:
            break
    return tuple(found)


def close(hub: Hub, repo_id: str, number: int, *, comment: str) -> None:
    """Close a pull request that will not be merged, saying why."""
    with translated(hub.endpoint, f"pull request #{number} of {repo_id}"):
        hub.api.change_discussion_status(repo_id, number, "closed", comment=comment)


def _status(hub: Hub, repo_id: str, number: int) -> str:
    with translated(hub.endpoint, f"pull request #{number} of {repo_id}"):
        return str(hub.api.get_discussion_details(repo_id, number).status)
