"""Pull requests: opening them with or without a commit, and merging them as the Hub does, by squashing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dulwich.graph import find_merge_base
from dulwich.objects import ObjectID

from hubver.localhub.errors import HubError
from hubver.localhub.large.pointers import Attributes
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import RefChange
from hubver.localhub.repos.repository import Repository, get_commit, read_blob, tree_of, write_blob, write_commit
from hubver.localhub.talk.discussions import Discussion, Discussions, pull_ref

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from dulwich.repo import Repo

    from hubver.localhub.switches import Switches


@dataclass(frozen=True)
class Opening:
    """A pull request to be opened.

    Args:
        author: name of the user.
        title: of the pull request.
        description: its first comment.
        base: full name of the branch it is for.
        head: commit that `refs/pr/N` starts at.
        draft: whether it opens as a draft.
    """

    author: str
    title: str
    description: str
    base: str
    head: str
    draft: bool


def open_pull(repo: Repository, store: BaseObjectStore, opening: Opening) -> Discussion:
    """Open a pull request. The caller holds the lock."""
    discussions = Discussions(repo)
    status = "draft" if opening.draft else "open"
    discussion = discussions.start(opening.author, opening.title, opening.description, status=status, base=opening.base)
    if opening.head != repo.refs.read()[opening.base].commit:
        record_commit(discussion, store, opening.head, opening.author)
    change = RefChange(pull_ref(discussion.num), None, opening.head)
    with discussions.telling([(discussion, change)]):
        repo.move([change], store)
    return discussion


def record_commit(discussion: Discussion, store: BaseObjectStore, commit: str, author: str) -> None:
    """Note in a pull request that its head is now at `commit`."""
    subject = get_commit(store, commit).message.decode("utf-8", "replace").partition("\n")[0]
    discussion.record("commit", author, {"subject": subject, "oid": commit})


def plan_merge(repo: Repository, git: Repo, discussion: Discussion) -> tuple[str, trees.Merge]:
    """Answer the head of the base branch, and what merging the pull request would change in it."""
    refs = repo.refs.read()
    base, head = refs[str(discussion.base)].commit, refs[pull_ref(discussion.num)].commit
    store = git.object_store
    found = find_merge_base(git, [ObjectID(base.encode()), ObjectID(head.encode())])
    origin = tree_of(store, found[0].decode()) if found else None
    return base, _without_attribute_conflict(
        store, trees.merge(store, origin, tree_of(store, base), tree_of(store, head)), tree_of(store, base)
    )


def _without_attribute_conflict(store: BaseObjectStore, merge: trees.Merge, ours: str) -> trees.Merge:
    """Take the lines of both sides where both have added LFS paths: the Hub writes that file, not the users."""
    theirs = merge.changes.get(".gitattributes")
    mine = trees.find(store, ours, ".gitattributes")
    if ".gitattributes" not in merge.conflicts or theirs is None or mine is None:
        return merge
    content = Attributes(read_blob(store, mine.oid)).content
    lines = set(content.splitlines())
    added = [line for line in read_blob(store, theirs[1]).splitlines() if line not in lines]
    union = write_blob(store, b"\n".join([*content.splitlines(), *added]) + b"\n")
    conflicts = [path for path in merge.conflicts if path != ".gitattributes"]
    return trees.Merge({**merge.changes, ".gitattributes": (theirs[0], union)}, conflicts)


def merge_pull(repo: Repository, discussion: Discussion, author: str, comment: str | None, switches: Switches) -> None:
    """Squash a pull request onto its base; `refs/pr/N` keeps its head. The caller holds the lock.

    Raises:
        HubError: 400 if it is closed or merged, and what `switches` say for a draft and for files that conflict.
    """
    if discussion.status != "open":
        status = switches.merge_draft_status if discussion.status == "draft" else 400
        raise HubError(status, f"#{discussion.num} is {discussion.status}; only an open pull request can be merged")
    with repo.open() as git:
        store = git.object_store
        base, merge = plan_merge(repo, git, discussion)
        if merge.conflicts:
            message = f"#{discussion.num} conflicts with its base in {', '.join(merge.conflicts)}"
            raise HubError(switches.merge_conflict_status, message)
        tree = trees.edit(store, tree_of(store, base), merge.changes)
        message = f"{discussion.title} (#{discussion.num})"
        commit = write_commit(store, tree, [base], author, message)
        if comment:
            discussion.comment(author, comment)
        discussion.merge_commit = commit
        discussion.set_status(author, "merged")
        change = RefChange(str(discussion.base), base, commit)
        with Discussions(repo).telling([(discussion, change)]):
            repo.move([change], store)
