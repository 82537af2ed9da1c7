"""Commits: the history of a revision, and what one of them changed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from dulwich.objects import ObjectID
from starlette.responses import RedirectResponse

from hubver.localhub.errors import revision_not_found
from hubver.localhub.pages import changes
from hubver.localhub.pages.frame import gate_is_closed, main_or_first, repo_page, selector
from hubver.localhub.pages.links import address
from hubver.localhub.pages.overview import title_of
from hubver.localhub.repos.paths import split_revision
from hubver.localhub.repos.repository import get_commit, tree_of

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from starlette.responses import Response

    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.web.call import Call

_PAGE = 40
_MOST_PAGES = 25
_MOST_NAMES = 20


@dataclass(frozen=True)
class Entry:
    """A commit in a list.

    Args:
        id: 40 hex digits.
        title: first line of its message.
        rest: the other lines.
        author: name of who wrote it.
        time: seconds since 1970.
        names: branches and tags that lead to it.
    """

    id: str
    title: str
    rest: str
    author: str
    time: int
    names: list[str]


def _entry(commit: Commit, names: dict[str, list[str]]) -> Entry:
    oid = commit.id.decode()
    rest = commit.message.decode("utf-8", "replace").strip().partition("\n")[2].strip()
    author = commit.author.decode("utf-8", "replace").partition(" <")[0]
    return Entry(oid, title_of(commit.message), rest, author, commit.commit_time, names.get(oid, []))


def _names(repo: Repository) -> dict[str, list[str]]:
    """The branches and tags by the commits they lead to."""
    found: dict[str, list[str]] = {}
    for ref, value in repo.refs.read().items():
        _, kind, name = ref.split("/", 2)
        if kind in {"heads", "tags"}:
            names = found.setdefault(value.commit, [])
            if len(names) < _MOST_NAMES:
                names.append(name)
    return found


def default_history(call: Call) -> Response:
    """Lead to the history of the branch that is shown where none is named."""
    repo = call.repo()
    return RedirectResponse(address(repo, "commits", main_or_first(repo)), 307)


def history(call: Call) -> Response:
    """List commits, newest first.

    Pages are counted up to a limit, because each walks past all before it; older ones are counted from the oldest shown.
    """
    repo = call.repo()
    revision, path = split_revision(call.request.path_params["rest"])
    if path:
        raise revision_not_found(f"{revision}/{path}")
    sha = repo.resolve(revision)
    number, names = call.number("p", 0, _MOST_PAGES - 1), _names(repo)
    with repo.open() as git:
        walker = git.get_walker(include=[ObjectID(sha.encode())])
        others = selector(git.object_store, repo, revision, sha, "commits")
        found = [_entry(step.commit, names) for step in islice(walker, number * _PAGE, (number + 1) * _PAGE + 1)]
    older = None
    if len(found) > _PAGE:
        at_limit = number + 1 == _MOST_PAGES
        older = address(repo, "commits", found[_PAGE].id if at_limit else revision)
        older += "" if at_limit else f"?p={number + 1}"
    return repo_page(
        call,
        repo,
        "commits.html",
        tab="commits",
        selector=others,
        commits=found[:_PAGE],
        number=number,
        older=older,
        newer=address(repo, "commits", revision) + f"?p={number - 1}" if number else None,
    )


def commit(call: Call) -> Response:
    """Show a commit with what it changed, against its first parent."""
    repo = call.repo()
    sha, number = repo.resolve(call.param("sha")), call.number("p", 0, 10**6)
    closed = gate_is_closed(call, repo)
    with repo.objects() as store:
        found = get_commit(store, sha)
        parents = [parent.decode() for parent in found.parents]
        before = tree_of(store, parents[0]) if parents else None
        page = None if closed else changes.page(store, changes.between(store, before, tree_of(store, sha)), number)
    return repo_page(
        call,
        repo,
        "commit.html",
        tab="commits",
        commit=_entry(found, _names(repo)),
        parents=parents,
        page=page,
    )
