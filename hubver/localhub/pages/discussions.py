"""Discussions and pull requests: what was said and decided, and what a pull request changes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hubver.localhub.errors import HubError
from hubver.localhub.pages import changes
from hubver.localhub.pages.frame import gate_is_closed, main_or_first, repo_page
from hubver.localhub.pages.links import Base
from hubver.localhub.pages.rich_text import LONGEST_TEXT, render
from hubver.localhub.repos import trees
from hubver.localhub.repos.repository import get_commit, tree_of
from hubver.localhub.talk.discussions import Discussion, Discussions, pull_ref
from hubver.localhub.talk.pulls import plan_merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dulwich.object_store import BaseObjectStore
    from dulwich.repo import Repo
    from markupsafe import Markup
    from starlette.responses import Response

    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.web.call import Call

_PAGE = 25
_MOST_READ = 1000
_MOST_DIGITS = 9
_EVENTS = 100
_FILTERS = ("open", "closed", "all")
_UNDECIDED = {"open", "draft"}


def listing(call: Call) -> Response:
    """List them, newest first, by status; `before` is the number that the page ends in front of."""
    repo = call.repo()
    status = call.query("status") if call.query("status") in _FILTERS else "open"
    before = call.number("before", 10**_MOST_DIGITS, 10**_MOST_DIGITS)
    found: list[Discussion] = []
    last, read = before, 0
    for discussion in Discussions(repo).newest(before):
        if len(found) == _PAGE or read == _MOST_READ:
            break
        last, read = discussion.num, read + 1
        if status in ("all", "closed" if discussion.status in {"closed", "merged"} else "open"):
            found.append(discussion)
    older = any(True for _ in islice(Discussions(repo).newest(last), 1))
    return repo_page(
        call,
        repo,
        "discussions.html",
        tab="community",
        discussions=found,
        chosen=status,
        filters=_FILTERS,
        older=last if older else None,
        first=call.query("before") is None,
    )


def conversation(call: Call) -> Response:
    """Show one with its events, oldest first, a page at a time; what was said is rendered."""
    repo = call.repo()
    discussion = Discussions(repo).get(_number(call))
    number = call.number("p", 0, 10**6)
    base = Base.of(repo, main_or_first(repo))
    events = discussion.events[number * _EVENTS : (number + 1) * _EVENTS]
    shown = [(event, _said(event["data"]["latest"]["raw"], base)) for event in events if event["type"] == "comment"]
    return repo_page(
        call,
        repo,
        "discussion.html",
        tab="community",
        discussion=discussion,
        part="conversation",
        events=events,
        texts={event["id"]: text for event, text in shown},
        conflicts=_conflicts(repo, discussion),
        number=number,
        more=len(discussion.events) > (number + 1) * _EVENTS,
    )


def _said(text: str, base: Base) -> Markup:
    return render(text[:LONGEST_TEXT], base)


def files(call: Call) -> Response:
    """Show what a pull request changes in its base, or changed when it was merged."""
    repo = call.repo()
    discussion = Discussions(repo).get(_number(call))
    if discussion.base is None:
        raise HubError(404, f"#{discussion.num} is a discussion, which changes no files")
    closed, number = gate_is_closed(call, repo), call.number("p", 0, 10**6)
    with repo.open() as git:
        proposal = _proposal(repo, git, discussion)
        page = None if closed else changes.page(git.object_store, proposal.changes, number)
    return repo_page(
        call,
        repo,
        "pull_files.html",
        tab="community",
        discussion=discussion,
        part="files",
        page=page,
        conflicts=proposal.conflicts,
        after=proposal.after,
    )


def _number(call: Call) -> int:
    text = call.param("number")
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        raise HubError(404, f"No discussion {text!r}")
    return int(text)


def _has_commits(repo: Repository, discussion: Discussion) -> bool:
    refs = repo.refs.read()
    return discussion.base in refs and pull_ref(discussion.num) in refs


def _conflicts(repo: Repository, discussion: Discussion) -> list[str]:
    """The files that keep an open pull request from being merged."""
    if discussion.status not in _UNDECIDED or not _has_commits(repo, discussion):
        return []
    with repo.open() as git:
        return plan_merge(repo, git, discussion)[1].conflicts


@dataclass(frozen=True)
class _Proposal:
    """What a pull request does: the commit with the files as it has them, its changes, and what is in their way."""

    after: str | None
    changes: Iterator[changes.Change]
    conflicts: list[str]


def _proposal(repo: Repository, git: Repo, discussion: Discussion) -> _Proposal:
    """Read a pull request; it has no commit where its commits were deleted."""
    store = git.object_store
    if discussion.merge_commit:
        after = discussion.merge_commit
        before = get_commit(store, after).parents[0].decode()
        return _Proposal(after, changes.between(store, tree_of(store, before), tree_of(store, after)), [])
    if not _has_commits(repo, discussion):
        return _Proposal(None, iter(()), [])
    base, merge = plan_merge(repo, git, discussion)
    conflicts = merge.conflicts if discussion.status in _UNDECIDED else []
    after = repo.refs.read()[pull_ref(discussion.num)].commit
    return _Proposal(after, _planned(store, base, merge), conflicts)


def _planned(store: BaseObjectStore, base: str, merge: trees.Merge) -> Iterator[changes.Change]:
    """What merging would do, file by file, read from the disk only as far as it is asked for."""
    tree = tree_of(store, base)
    for path, new in sorted(merge.changes.items()):
        old = trees.find(store, tree, path)
        yield changes.Change(path, (old.mode, old.oid) if old and not old.is_folder else None, new)
