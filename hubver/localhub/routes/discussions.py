"""Discussions and pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dulwich.objects import ObjectID
from starlette.responses import JSONResponse, Response

from hubver.localhub.accounts.access import check_gate, may_write
from hubver.localhub.errors import HubError, bad_request, forbidden
from hubver.localhub.repos.diffs import raw_diff
from hubver.localhub.repos.refs import MAIN, RefChange
from hubver.localhub.talk.discussions import Discussion, Discussions, pull_ref
from hubver.localhub.talk.pulls import Opening, merge_pull, open_pull, plan_merge
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dulwich.object_store import BaseObjectStore
    from starlette.routing import Route

    from hubver.localhub.accounts.users import User
    from hubver.localhub.repos.repository import Repository

_PAGE = 10
_LARGEST_PAGE = 100
_MOST_DIGITS = 9


def listing(call: Call) -> Response:
    """List them, newest first, by type, status and author."""
    repo = call.repo()
    kind, status, author = call.query("type") or "all", call.query("status") or "all", call.query("author")
    page, limit = call.number("p", 0, 10**9), max(1, call.number("limit", _PAGE, _LARGEST_PAGE))
    found = [
        d
        for d in Discussions(repo).list()
        if kind in ("all", "pull_request" if d.base else "discussion")
        and status in ("all", "closed" if d.status in {"closed", "merged"} else "open")
        and author in (None, d.author)
    ]
    shown = [_facts(repo, d) for d in found[page * limit : (page + 1) * limit]]
    return JSONResponse({"discussions": shown, "count": len(found), "start": page * limit})


def _facts(repo: Repository, discussion: Discussion) -> dict[str, Any]:
    about = repo.description
    return {
        "num": discussion.num,
        "title": discussion.title,
        "author": {"name": discussion.author, "type": "user"},
        "createdAt": discussion.created_at,
        "status": discussion.status,
        "isPullRequest": discussion.base is not None,
        "repo": {"name": about.id, "type": about.kind},
        "numComments": sum(event["type"] == "comment" for event in discussion.events),
    }


def details(call: Call) -> Response:
    """Show one with its events; of a pull request also its base, its conflicts and with `diff` its changes."""
    repo = call.repo()
    discussion = Discussions(repo).get(_number(call))
    facts = {**_facts(repo, discussion), "events": discussion.events}
    if discussion.base is not None:
        facts["changes"] = {"base": discussion.base}
        facts["filesWithConflicts"] = []
        if discussion.merge_commit:
            facts["changes"]["mergeCommitId"] = discussion.merge_commit
        elif pull_ref(discussion.num) in repo.refs.read():
            with repo.open() as git:
                facts["filesWithConflicts"] = plan_merge(repo, git, discussion)[1].conflicts
        if call.query("diff"):
            check_gate(repo, call.user)
            facts["diff"] = _diff(repo, discussion)
    return JSONResponse(facts)


def _diff(repo: Repository, discussion: Discussion) -> str:
    """What a pull request changes in its base, or changed when it was merged."""
    refs = repo.refs.read()
    with repo.objects() as store:
        if discussion.merge_commit:
            after = discussion.merge_commit
            before = store[ObjectID(after.encode())].parents[0].decode()  # type: ignore[attr-defined]
        elif pull_ref(discussion.num) in refs:
            before, after = refs[str(discussion.base)].commit, refs[pull_ref(discussion.num)].commit
        else:
            return ""
        return raw_diff(store, before, after)


def create(call: Call) -> Response:
    """Open a discussion, or a draft of a pull request that starts where main is."""
    repo, author, body = call.repo(), call.author().name, call.json()
    title, description = call.text(body, "title"), call.text(body, "description")
    with repo.lock, repo.objects() as store:
        if body.get("pullRequest"):
            opening = Opening(author, title, description, MAIN, repo.resolve(MAIN), draft=True)
            opened = open_pull(repo, store, opening)
        else:
            opened = Discussions(repo).start(author, title, description)
            Discussions(repo).save(opened)
    url = call.url(f"{repo.url_path}/discussions/{opened.num}")
    return JSONResponse({"num": opened.num, "url": url, "pullRequest": opened.base is not None})


def _number(call: Call) -> int:
    text = call.param("number")
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise HubError(404, f"No discussion {text!r}")
    return int(text)


class _Change:
    """A discussion under its repo's lock, saved when the block ends well."""

    def __init__(self, call: Call) -> None:
        self.repo, self.user = call.repo(), call.author()
        self._number = _number(call)

    def __enter__(self) -> Discussion:
        self.repo.lock.acquire()
        try:
            self._discussion = Discussions(self.repo).get(self._number)
        except BaseException:
            self.repo.lock.release()
            raise
        return self._discussion

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                Discussions(self.repo).save(self._discussion)
        finally:
            self.repo.lock.release()

    def must_decide(self, discussion: Discussion) -> User:
        """The caller, who must own the repo or have opened the discussion."""
        if self.user.name != discussion.author and not may_write(self.repo, self.user):
            raise forbidden("Only its author and the owners of the repo may do this")
        return self.user


def comment(call: Call) -> Response:
    """Add a comment."""
    content = call.text(call.json(), "comment")
    change = _Change(call)
    with change as discussion:
        event = discussion.comment(change.user.name, content)
    return JSONResponse({"newMessage": event}, 201)


def edit_comment(call: Call) -> Response:
    """Change a comment of the caller's own."""
    content = call.text(call.json(), "content")
    change = _Change(call)
    with change as discussion:
        event = discussion.edit_comment(call.param("comment"), change.user.name, content)
    return JSONResponse({"updatedComment": event})


def hide_comment(call: Call) -> Response:
    """Remove a comment's text."""
    change = _Change(call)
    with change as discussion:
        event = discussion.hide_comment(call.param("comment"), change.must_decide(discussion).name)
    return JSONResponse({"updatedComment": event})


def rename(call: Call) -> Response:
    """Change the title."""
    title = call.text(call.json(), "title").strip()
    change = _Change(call)
    with change as discussion:
        event = discussion.rename(change.must_decide(discussion).name, title)
    return JSONResponse({"newTitle": event})


def set_status(call: Call) -> Response:
    """Open or close; a merged pull request stays merged."""
    body = call.json()
    status = body.get("status")
    if status not in {"open", "closed"}:
        raise bad_request("`status` must be open or closed")
    change = _Change(call)
    with change as discussion:
        user = change.must_decide(discussion)
        if discussion.status == "merged":
            raise bad_request(f"#{discussion.num} is merged")
        if status == "open" and discussion.base and pull_ref(discussion.num) not in change.repo.refs.read():
            raise bad_request(f"The commits of #{discussion.num} were deleted")
        if body.get("comment"):
            discussion.comment(user.name, call.text(body, "comment"))
        event = discussion.set_status(user.name, status)
    return JSONResponse({"newStatus": event})


def merge(call: Call) -> Response:
    """Merge a pull request by squashing it onto its base."""
    repo = call.repo_to_write()
    said = call.json().get("comment")
    with repo.lock:
        discussion = Discussions(repo).get(_number(call))
        if discussion.base is None:
            raise bad_request(f"#{discussion.num} is a discussion, not a pull request")
        merge_pull(repo, discussion, call.author().name, said if isinstance(said, str) else None, call.hub.switches)
    return JSONResponse({"success": True, "mergeCommitId": discussion.merge_commit})


def delete(call: Call) -> Response:
    """Delete one for good, and of a pull request its ref with it."""
    repo = call.repo_to_write()
    with repo.lock, repo.objects() as store:
        discussion = Discussions(repo).get(_number(call))
        _delete_ref(repo, store, discussion)
        Discussions(repo).delete(discussion.num)
        repo.listener.discussion_deleted(repo, discussion)
    return JSONResponse({"success": True})


def delete_ref(call: Call) -> Response:
    """Delete the commits of a pull request that is closed or merged; what was said stays."""
    repo = call.repo_to_write()
    with repo.lock, repo.objects() as store:
        discussion = Discussions(repo).get(_number(call))
        if discussion.base is None or discussion.status in {"draft", "open"}:
            raise bad_request(f"#{discussion.num} is no pull request that is closed or merged")
        _delete_ref(repo, store, discussion)
    return JSONResponse({"success": True})


def _delete_ref(repo: Repository, store: BaseObjectStore, discussion: Discussion) -> None:
    ref = pull_ref(discussion.num)
    present = repo.refs.read().get(ref)
    if present:
        repo.move([RefChange(ref, present.target, None)], store)


def _routes() -> Iterator[Route]:
    all_of_them = "/api/{kinds}/{namespace}/{name}/discussions"
    one = all_of_them + "/{number}"
    yield route(all_of_them, listing)
    yield route(all_of_them, create, "POST")
    yield route(one, details)
    yield route(one, delete, "DELETE")
    yield route(one + "/ref", delete_ref, "DELETE")
    for resource, handler in (("comment", comment), ("title", rename), ("status", set_status), ("merge", merge)):
        yield route(f"{one}/{resource}", handler, "POST")
    yield route(one + "/comment/{comment}/edit", edit_comment, "POST")
    yield route(one + "/comment/{comment}/hide", hide_comment, "POST")


ROUTES: list[Route] = list(_routes())
