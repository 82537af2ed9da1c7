"""Lists of repos: all that the reader may see, those of a kind, those of a namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.localhub.accounts.access import may_read
from hubver.localhub.errors import HubError
from hubver.localhub.pages.frame import branches, tags
from hubver.localhub.pages.overview import metadata
from hubver.localhub.pages.shell import respond
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import MAIN
from hubver.localhub.repos.repository import PREFIXES, get_commit, read_blob, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.responses import Response

    from hubver.localhub.repos.repository import Kind, Repository
    from hubver.localhub.web.call import Call

_PAGE = 30
_MOST_PAGES = 10**6
_LONGEST_CARD = 50_000


@dataclass(frozen=True)
class Row:
    """A repo as a list shows it.

    Args:
        repo: the repo.
        changed: seconds since 1970 of the last commit on `main`; None without one.
        task: what its metadata says it is for; empty if they do not.
        newest_tag: the tag with the highest number; None without tags.
        branch_count: how many branches it has.
        tag_count: how many tags it has.
    """

    repo: Repository
    changed: int | None
    task: str
    newest_tag: str | None
    branch_count: int
    tag_count: int


def home(call: Call) -> Response:
    """List everything."""
    return _listed(call, PREFIXES, title="All repos", place="")


def of_kind(call: Call) -> Response:
    """List the repos of the kind that the address names: `/models`, `/datasets`."""
    place = call.request.url.path.strip("/")
    kind = next(kind for kind in PREFIXES if place == f"{kind}s")
    return _listed(call, [kind], title=place.capitalize(), place=place)


def namespace(call: Call) -> Response:
    """List what a user or organisation has.

    Raises:
        HubError: 404 for a name that nobody has and no repo that the reader may see is in.
    """
    name = call.param("namespace")
    if call.hub.accounts.named(name) is None and not any(_visible(call, PREFIXES, name)):
        raise HubError(404, f"There is no user or organisation {name} here")
    return _listed(call, PREFIXES, title=name, place=name, owner=name)


def bare_name(call: Call) -> Response:
    """Refuse ids of one part, which only the real Hub has.

    Raises:
        HubError: 404.
    """
    raise HubError(404, f"Repos have names of two parts here; {call.param('name')} is only one")


def _visible(call: Call, kinds: Iterable[Kind], owner: str | None) -> Iterator[Repository]:
    user = call.user
    for repo in (repo for kind in kinds for repo in call.hub.store.list(kind)):
        if owner in (None, repo.namespace) and may_read(repo, user):
            yield repo


def _listed(call: Call, kinds: Iterable[Kind], *, title: str, place: str, owner: str | None = None) -> Response:
    search, number = (call.query("search") or "").strip(), call.number("p", 0, _MOST_PAGES)
    found = [repo for repo in _visible(call, kinds, owner) if search.lower() in repo.description.id.lower()]
    # Refs are one file that is replaced whenever one of them moves.
    found.sort(key=lambda repo: (repo.git_dir / "packed-refs").stat().st_mtime, reverse=True)
    shown = found[number * _PAGE : (number + 1) * _PAGE]
    return respond(
        call,
        "repos.html",
        title=title,
        place=place,
        owner=owner,
        search=search,
        total=len(found),
        rows=[_row(repo) for repo in shown],
        number=number,
        more=len(found) > (number + 1) * _PAGE,
    )


def _row(repo: Repository) -> Row:
    refs = repo.refs.read()
    all_tags, changed, task = tags(refs), None, ""
    if MAIN in refs:
        with repo.objects() as store:
            commit = refs[MAIN].commit
            changed = get_commit(store, commit).commit_time
            readme = trees.find(store, tree_of(store, commit), "README.md")
            if readme and not readme.is_folder and not repo.description.gated:
                text = read_blob(store, readme.oid)[:_LONGEST_CARD].decode("utf-8", "replace")
                said = metadata(text).get("pipeline_tag") or ""
                task = said if isinstance(said, str) else ""
    newest = all_tags[0].name if all_tags else None
    return Row(repo, changed, task, newest, len(branches(refs)), len(all_tags))
