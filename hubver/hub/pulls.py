"""Pull requests on a Hub repository: found, commented and merged.

Merging squashes onto `main`, so a merge's commit is never the commit that was reviewed; `refs/pr/N` keeps that one.

A comment that is kept up to date begins with a marker, an HTML comment that nobody sees. Anybody may write one like it, so
only what the token's own account wrote is believed, and nothing else is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadToken, HubFailed, StaleRef
from hubver.hub.answers import translated

if TYPE_CHECKING:
    from hubver.hub.client import Hub
    from hubver.hub.contents import Comment, PullRequest, Refs

_MOST_PAGES = 20
_TRIES = 4
# The most that a comment holds, in characters on the Hub. Bytes are counted, of which there are never fewer.
MOST_BYTES = 65_536
_CUT = "\n\n*The rest has no room in a comment.*"


def find_open(hub: Hub, repo_id: str, marker: str) -> int | None:
    """The number of this account's newest open pull request whose title holds a marker; None if there is none.

    Anybody may open a pull request, with any title: only what the token's own account opened is believed.
    """
    ours = hub.accounts()
    with translated(hub.endpoint, repo_id):
        for discussion in hub.api.get_repo_discussions(
            repo_id, discussion_type="pull_request", discussion_status="open"
        ):
            if marker in discussion.title and discussion.author in ours:
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


def opened(hub: Hub, repo_id: str) -> frozenset[int]:
    """The numbers of the open pull requests, the newest thousand at most: one request for each fifty of them.

    All of them, because anybody may open one: fifty strangers' must not hide ours.
    """
    found: set[int] = set()
    for page in range(_MOST_PAGES):
        count, some = hub.open_pulls(repo_id, page)
        found |= some.keys()
        if not some or len(found) >= count:
            break
    return frozenset(found)


def close(hub: Hub, repo_id: str, number: int, *, comment: str) -> None:
    """Close a pull request that will not be merged, saying why."""
    with translated(hub.endpoint, f"pull request #{number} of {repo_id}"):
        hub.api.change_discussion_status(repo_id, number, "closed", comment=comment)


def upsert_comment(hub: Hub, repo_id: str, number: int, marker: str, text: str) -> str:
    """Say something on a pull request, in the place of what was said there before for the same purpose.

    One request if it stands there already, else three or four, and a few more where answers are lost. The Hub has no
    compare-and-swap for comments: of two that are written at the same moment, each writer keeps the older and hides the
    other, so both stand there until then, or until the next call where a writer is killed in between; and where writers
    say different things, either may be the last.

    Args:
        number: of the pull request, or discussion.
        marker: what the comment is for, as an HTML comment such as `<!-- hubver:gate -->`. Only a comment that begins with
            it, and that this account wrote, is changed; one that was hidden is made anew.
        text: Markdown. What is more than 65,536 bytes, marker included, is cut off at the end of a line.

    Returns:
        The comment's address.

    Raises:
        BadToken: there is no token, or it may not comment.
        BadInput: no such pull request.
        HubFailed, HubUnreachable: answers were lost, and what should be there is not.
    """
    hub.need_token()
    return _Place(hub, repo_id, number, marker, hub.whoami()).put(_fitted(f"{marker}\n{text}"))


@dataclass
class _Place:
    """Where one account keeps one comment."""

    hub: Hub
    repo_id: str
    number: int
    marker: str
    account: str
    posted: str | None = None

    def put(self, text: str) -> str:
        """Write the comment, unless it is there; look again after each lost answer, and after each new comment."""
        refused: list[Comment] | None = None
        for attempt in range(1, _TRIES + 1):
            ours = self._ours()
            if not ours and self.posted:
                break  # a Hub may show for a moment what was
            try:
                if self._settled(ours, text):
                    break
            except HubFailed:
                if attempt == _TRIES:
                    raise
            except BadToken:
                # Hidden since it was read, it cannot be changed. The same question has the same answer.
                if not ours or ours == refused:
                    raise
                refused = ours
        name = ours[0].id if ours else self.posted
        return f"{self.hub.endpoint}/{self.repo_id}/discussions/{self.number}#{name}"

    def _ours(self) -> list[Comment]:
        there = self.hub.comments(self.repo_id, self.number)
        return [one for one in there if one.author == self.account and one.text.lstrip().startswith(self.marker)]

    def _settled(self, ours: list[Comment], text: str) -> bool:
        """Take one step towards one comment that says this; answer whether no more need be looked at."""
        api, where = self.hub.api, (self.repo_id, self.number)
        with translated(self.hub.endpoint, f"pull request #{self.number} of {self.repo_id}"):
            if not ours:
                self.posted = api.comment_discussion(*where, text).id
                return False
            if not _same(ours[0].text, text):
                api.edit_discussion_comment(*where, ours[0].id, text)
        for other in ours[1:]:
            self.hub.hide_comment(*where, other.id)
        return True


def _same(one: str, other: str) -> bool:
    """Whether two texts differ in nothing but what a web form may change."""
    return one.replace("\r\n", "\n").strip() == other.strip()


def _fitted(text: str) -> str:
    whole = text.encode()
    if len(whole) <= MOST_BYTES:
        return text
    kept = whole[: MOST_BYTES - len(_CUT.encode())].decode(errors="ignore")
    return kept[: kept.rfind("\n")] + _CUT


def _status(hub: Hub, repo_id: str, number: int) -> str:
    with translated(hub.endpoint, f"pull request #{number} of {repo_id}"):
        return str(hub.api.get_discussion_details(repo_id, number).status)
