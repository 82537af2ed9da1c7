"""Commits: asking how to upload, committing, and listing the history."""

from __future__ import annotations

import base64
import binascii
import html
import itertools
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from dulwich.ignore import IgnoreFilter, read_ignore_patterns
from starlette.responses import JSONResponse, Response

from hubver.localhub.errors import HubError, bad_request, conflict
from hubver.localhub.large.blobs import Stash
from hubver.localhub.large.holdings import Holdings, take
from hubver.localhub.large.pointers import wants_lfs
from hubver.localhub.repos import trees
from hubver.localhub.repos.commits import (
    Head,
    Operations,
    Workbench,
    check_parent,
    head_for,
    parse_operations,
    stored_oid,
    write,
)
from hubver.localhub.repos.info import iso
from hubver.localhub.repos.paths import checked_path
from hubver.localhub.repos.refs import RefChange
from hubver.localhub.repos.repository import read_blob, tree_of
from hubver.localhub.talk.discussions import Discussions, pull_number
from hubver.localhub.talk.pulls import Opening, open_pull, record_commit
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dulwich.object_store import BaseObjectStore
    from dulwich.objects import Commit
    from starlette.routing import Route

    from hubver.localhub.repos.repository import Repository

_PAGE = 50
_LARGEST_PAGE = 1000
_LONGEST_LINE = 32 * 2**20


def preupload(call: Call) -> Response:
    """Say for each file whether it goes to LFS or into git, whether to leave it out, and what is there now."""
    repo = call.repo()
    call.author()
    body = call.json()
    files = _announced(body)
    commit = repo.resolve(call.param("revision"))
    answers = []
    with repo.objects() as store:
        tree, attributes = tree_of(store, commit), repo.attributes(store, commit)
        ignored = _ignored(store, tree, body.get("gitIgnore"))
        for file in files:
            large = wants_lfs(attributes, file.path, file.size, file.sample)
            answer: dict[str, Any] = {"path": file.sent, "uploadMode": "lfs" if large else "regular"}
            answer |= {"shouldIgnore": bool(ignored.is_ignored(file.path)), "oid": stored_oid(store, tree, file.path)}
            answers.append(answer)
    return JSONResponse({"files": answers, "commitOid": commit})


class _Announced(NamedTuple):
    """One file that a client means to upload."""

    sent: str
    path: str
    size: int
    sample: bytes


def _announced(body: dict[str, Any]) -> list[_Announced]:
    """Read the files that a preupload asks about; before any object is read, for one that is gone is no bad request."""
    try:
        return [
            _Announced(
                sent=file["path"],
                path=checked_path(file["path"]),
                size=int(file["size"]),
                sample=base64.b64decode(file.get("sample") or ""),
            )
            for file in body["files"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise bad_request("`files` must be a list of objects with `path`, `size` and `sample`") from None


def _ignored(store: BaseObjectStore, tree: str, sent: object) -> IgnoreFilter:
    """What not to upload: by the `.gitignore` that comes with the commit, or else the one that is there."""
    entry = None if isinstance(sent, str) else trees.find(store, tree, ".gitignore")
    content = read_blob(store, entry.oid) if entry and not entry.is_folder else str(sent or "").encode()
    return IgnoreFilter(read_ignore_patterns(BytesIO(content)))


def commit(call: Call) -> Response:
    """Make one commit on a branch or a pull request, or with `create_pr` open a pull request with it."""
    repo = call.repo()
    answer: dict[str, Any] = {"success": True, "hookOutput": ""}
    with ExitStack() as held:
        operations = parse_operations(_lines(call), held.enter_context(Stash()).put)
        held.enter_context(_commit_lock(call, repo))
        store = held.enter_context(repo.objects())
        call.hub.commit_rate.count(repo.url_path)
        head = head_for(repo, call.param("revision"))
        bench = Workbench(repo, store, _sizes(call, repo), head.ref)
        if call.query("create_pr") in {"1", "true"}:
            oid, number = _commit_to_new_pull(call, bench, operations, head)
            answer["pullRequestUrl"] = call.url(f"{repo.url_path}/discussions/{number}")
        else:
            oid = _commit_to_head(call, bench, operations, head)
        for path, (large, _) in operations.large.items():
            Holdings(repo).add(large, call.hub.store.lfs.size(large) or 0, path, head.ref)
    answer |= {"commitOid": oid, "commitUrl": call.url(f"{repo.url_path}/commit/{oid}")}
    return JSONResponse(answer)


def _lines(call: Call) -> Iterator[bytes]:
    """The lines of the body, none of them longer than memory should hold."""
    while line := call.body.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise HubError(413, "Payload Too Large")
        yield line


@contextmanager
def _commit_lock(call: Call, repo: Repository) -> Iterator[None]:
    if not repo.lock.acquire(blocking=call.hub.switches.commit_lock == "wait"):
        raise conflict("Another commit operation is in progress. Please retry.")
    try:
        yield
    finally:
        repo.lock.release()


def _sizes(call: Call, repo: Repository) -> Callable[[str], int | None]:
    """Tell the sizes of those LFS objects that the caller may commit to the repo."""
    store, user = call.hub.store, call.user
    return lambda oid: take(store, repo, user, oid)


def _commit_to_head(call: Call, bench: Workbench, operations: Operations, head: Head) -> str:
    repo, user = bench.repo, call.author()
    number = pull_number(head.ref)
    pull = Discussions(repo).get(number) if number else None
    if pull is None or pull.author != user.name:
        call.must_write(repo)
    check_parent(operations, head.commit)
    oid = write(bench, operations, head.commit, user.name)
    change = RefChange(head.ref, head.commit, oid)
    if pull:
        record_commit(pull, bench.store, oid, user.name)
    with Discussions(repo).telling([(pull, change)] if pull else []):
        repo.move([change], bench.store)
    return oid


def _commit_to_new_pull(call: Call, bench: Workbench, operations: Operations, head: Head) -> tuple[str, int]:
    """Open a pull request that starts at the parent the client names, as the Hub does; any reader may."""
    if not head.ref.startswith("refs/heads/"):
        raise bad_request("A pull request can only be opened against a branch")
    author = call.author().name
    start = bench.repo.resolve(operations.parent) if operations.parent else head.commit
    oid = write(bench, operations, start, author)
    opening = Opening(author, operations.summary, operations.description, head.ref, oid, draft=False)
    return oid, open_pull(bench.repo, bench.store, opening).num


def history(call: Call) -> Response:
    """List the commits of a revision, newest first, a page at a time."""
    repo = call.repo()
    sha = repo.resolve(call.param("revision"))
    page, limit = call.number("p", 0, 10**9), call.number("limit", _PAGE, _LARGEST_PAGE)
    query = call.request.query_params
    formatted = "formatted" in query.getlist("expand[]") + query.getlist("expand")
    with repo.open() as git:
        start = page * limit
        first, left = call.hub.lengths.skip(git.object_store, sha, start)
        asked = itertools.islice(git.get_walker(include=[first]), left, left + limit)
        shown = [_commit_facts(entry.commit, formatted=formatted) for entry in asked]
        total = call.hub.lengths.of(git.object_store, sha)
    headers = {"X-Total-Count": str(total)}
    if total > start + limit:
        headers |= call.link_next(p=page + 1)
    return JSONResponse(shown, headers=headers)


def _commit_facts(commit: Commit, *, formatted: bool) -> dict[str, Any]:
    title, _, message = commit.message.decode("utf-8", "replace").partition("\n")
    author = commit.author.decode("utf-8", "replace").partition(" <")[0]
    facts: dict[str, Any] = {"id": commit.id.decode(), "title": title, "message": message.strip("\n")}
    facts |= {"authors": [{"user": author}], "date": iso(commit.commit_time)}
    if formatted:
        facts["formatted"] = {key: html.escape(facts[key]) for key in ("title", "message")}
    return facts


_REPO = "/api/{kinds}/{namespace}/{name}"
ROUTES: list[Route] = [
    route(_REPO + "/preupload/{revision:path}", preupload, "POST"),
    route(_REPO + "/commit/{revision:path}", commit, "POST"),
    route(_REPO + "/commits/{revision:path}", history),
]
