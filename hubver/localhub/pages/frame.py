"""What stands at the head of every page of a repo."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dulwich.objects import ObjectID, Tree

from hubver.localhub.accounts.access import check_gate
from hubver.localhub.errors import HubError
from hubver.localhub.pages.links import file_address
from hubver.localhub.pages.shell import respond
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import MAIN
from hubver.localhub.repos.repository import tree_of

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from starlette.responses import Response

    from hubver.localhub.repos.refs import RefValue
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.web.call import Call

_IN_SELECTOR = 20
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Named:
    """A branch or tag: its name, and the commit it leads to."""

    name: str
    commit: str


def branches(refs: dict[str, RefValue]) -> list[Named]:
    """The branches, `main` first and the others by name."""
    found = _named(refs, "refs/heads/")
    return sorted(found, key=lambda ref: (ref.name != "main", natural(ref.name)))


def tags(refs: dict[str, RefValue]) -> list[Named]:
    """The tags, by name and the highest number first: v1.10.0, v1.9.0."""
    return sorted(_named(refs, "refs/tags/"), key=lambda ref: natural(ref.name), reverse=True)


def _named(refs: dict[str, RefValue], prefix: str) -> list[Named]:
    return [Named(name[len(prefix) :], value.commit) for name, value in refs.items() if name.startswith(prefix)]


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key that sorts the numbers in a name as numbers."""
    parts = enumerate(_NUMBER.split(name))
    return [(odd % 2, int(part[:18]) if odd % 2 else 0, part) for odd, part in parts]


@dataclass(frozen=True)
class Selector:
    """The other revisions that a page can be shown at: the first of its branches and tags, and how many there are."""

    current: str
    commit: str
    branches: list[tuple[str, str]]
    tags: list[tuple[str, str]]
    hidden: int


def selector(
    store: BaseObjectStore, repo: Repository, revision: str, commit: str, verb: str, *, path: str = ""
) -> Selector:
    """Offer the other revisions of what `verb` shows of `path`; those without such a path are offered as a whole."""
    refs, look = repo.refs.read(), _Lookup(store)
    groups = branches(refs), tags(refs)
    shown = [
        [
            (ref.name, file_address(repo, verb, ref.name, path))
            if look.has(ref.commit, path)
            else (ref.name, file_address(repo, "tree", ref.name, ""))
            for ref in group[:_IN_SELECTOR]
        ]
        for group in groups
    ]
    hidden = sum(max(0, len(group) - _IN_SELECTOR) for group in groups)
    return Selector(revision, commit, shown[0], shown[1], hidden)


class _Lookup:
    """Looks paths up in many revisions, most of which have most of their folders in common."""

    def __init__(self, store: BaseObjectStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], str | None] = {}

    def has(self, commit: str, path: str) -> bool:
        """Whether a commit has a path; also what is no commit has the empty one."""
        if not path:
            return True
        try:
            oid: str | None = tree_of(self._store, commit)
        except HubError:
            return False
        for name in path.split("/"):
            if oid is None:
                return False
            oid = self._below(oid, name)
        return oid is not None

    def _below(self, folder: str, name: str) -> str | None:
        if (folder, name) not in self._known:
            found = self._store[ObjectID(folder.encode())]
            entry = trees.find(self._store, folder, name) if isinstance(found, Tree) else None
            self._known[folder, name] = entry.oid if entry else None
        return self._known[folder, name]


def main_or_first(repo: Repository) -> str:
    """Name of the branch that pages show where no revision is named.

    Raises:
        HubError: 404 for a repo without any.
    """
    refs = repo.refs.read()
    if MAIN in refs:
        return "main"
    for name in branches(refs):
        return name.name
    raise HubError(404, f"{repo.description.id} has no branch yet")


def gate_is_closed(call: Call, repo: Repository) -> bool:
    """Whether the caller may see that the repo is there, and not what is in its files."""
    try:
        check_gate(repo, call.user)
    except HubError:
        return True
    return False


def repo_page(call: Call, repo: Repository, template: str, *, tab: str, **facts: Any) -> Response:
    """Fill the template of a page of `repo`.

    Args:
        call: who asks.
        repo: the repo.
        template: name of the template.
        tab: which of the repo's tabs the page belongs to.
        facts: what the template shows.
    """
    return respond(call, template, repo=repo, tab=tab, **facts)
