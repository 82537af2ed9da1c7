"""Files of a repo at a revision: folders, and single files as far as a page can show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from hubver.localhub.accounts.access import check_gate
from hubver.localhub.errors import entry_not_found
from hubver.localhub.pages.blobs import Glimpse, glimpse, is_text
from hubver.localhub.pages.code import lines
from hubver.localhub.pages.frame import main_or_first, repo_page, selector
from hubver.localhub.pages.links import file_address
from hubver.localhub.pages.overview import Card, read_readme, title_of
from hubver.localhub.pages.tensors import Tensors, read_tensors
from hubver.localhub.repos import trees
from hubver.localhub.repos.paths import split_revision
from hubver.localhub.repos.repository import get_commit, read_blob

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from markupsafe import Markup
    from starlette.responses import Response

    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.web.call import Call

_ENTRIES = 200
_MOST_PAGES = 10**6
_LONGEST_TEXT = 500_000
_MOST_LINES = 10_000
_LARGEST_IMAGE = 10 * 2**20
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif")  # which browsers know by their first bytes


@dataclass(frozen=True)
class Row:
    """An entry of a folder: its name, where it leads, and of a file what is to be seen from outside."""

    name: str
    place: str
    is_folder: bool
    seen: Glimpse | None


@dataclass(frozen=True)
class Content:
    """What a page shows of a file: one of these, or none with the reason in `note`."""

    lines: list[Markup] | None = None
    card: Card | None = None
    tensors: Tensors | None = None
    is_image: bool = False
    note: str = ""


def default_tree(call: Call) -> Response:
    """Lead to the files of the branch that is shown where none is named."""
    repo = call.repo()
    return RedirectResponse(file_address(repo, "tree", main_or_first(repo), ""), 307)


def tree(call: Call) -> Response:
    """List a folder, a page at a time."""
    repo, revision, path, commit = _place(call)
    number = call.number("p", 0, _MOST_PAGES)
    with repo.objects() as store:
        folder = repo.entry(store, commit, path)
        if not folder.is_folder:
            return RedirectResponse(file_address(repo, "blob", revision, path), 307)
        items = trees.load_tree(store, folder.oid).items()
        entries = [
            trees.Entry(item.path.decode("utf-8", "surrogateescape"), item.mode, item.sha.decode()) for item in items
        ]
        entries.sort(key=lambda entry: (not entry.is_folder, entry.path.encode("utf-8", "surrogateescape")))
        start = number * _ENTRIES
        rows = [_row(store, repo, revision, path, entry) for entry in entries[start : start + _ENTRIES]]
        head = get_commit(store, commit)
        others = selector(store, repo, revision, commit, "tree", path=path)
    return repo_page(
        call,
        repo,
        "tree.html",
        tab="files",
        selector=others,
        crumbs=_crumbs(repo, revision, path),
        path=path,
        rows=rows,
        total=len(entries),
        number=number,
        more=len(entries) > start + _ENTRIES,
        head_title=title_of(head.message),
        head_time=head.commit_time,
    )


def _row(store: BaseObjectStore, repo: Repository, revision: str, folder: str, entry: trees.Entry) -> Row:
    path = f"{folder}/{entry.path}" if folder else entry.path
    if entry.is_folder:
        return Row(entry.path, file_address(repo, "tree", revision, path), is_folder=True, seen=None)
    seen = glimpse(store, entry)
    return Row(entry.path, file_address(repo, "blob", revision, path) if seen else "", is_folder=False, seen=seen)


def blob(call: Call) -> Response:
    """Show a file."""
    repo, revision, path, commit = _place(call)
    with repo.objects() as store:
        entry = repo.entry(store, commit, path)
        if entry.is_folder:
            return RedirectResponse(file_address(repo, "tree", revision, path), 307)
        seen = glimpse(store, entry)
        if seen is None:
            raise entry_not_found(path, commit)
        check_gate(repo, call.user)
        as_code = call.query("code") in {"1", "true"}
        if seen.pointer:
            content = _large(call, seen, path)
        else:
            content = _content(store, repo, revision, commit, entry, as_code=as_code)
        others = selector(store, repo, revision, commit, "blob", path=path)
    return repo_page(
        call,
        repo,
        "blob.html",
        tab="files",
        selector=others,
        crumbs=_crumbs(repo, revision, path),
        path=path,
        seen=seen,
        xet=call.hub.xet_id(repo, seen.pointer.oid) if seen.pointer else None,
        content=content,
        is_text=path.lower().endswith(".md") and not seen.pointer,
        as_code=as_code,
        commit=commit,
    )


def _place(call: Call) -> tuple[Repository, str, str, str]:
    repo = call.repo()
    revision, path = split_revision(call.request.path_params["rest"])
    return repo, revision, path, repo.resolve(revision)


def _crumbs(repo: Repository, revision: str, path: str) -> list[tuple[str, str]]:
    """The folders that lead to a path, the root first, each with its address."""
    names = path.split("/") if path else []
    steps = [(name, "/".join(names[: depth + 1])) for depth, name in enumerate(names)]
    return [(name, file_address(repo, "tree", revision, step)) for name, step in [(repo.description.id, ""), *steps]]


def _content(
    store: BaseObjectStore, repo: Repository, revision: str, commit: str, entry: trees.Entry, *, as_code: bool
) -> Content:
    path, content = entry.path, read_blob(store, entry.oid)
    if not is_text(content):
        if path.lower().endswith(_IMAGES):
            return Content(is_image=True)
        return Content(note="This file is not text, so it is not shown here.")
    if path.lower().endswith(".md") and not as_code:
        return Content(card=read_readme(store, repo, revision, commit, path))
    if len(content) > _LONGEST_TEXT or content.count(b"\n") > _MOST_LINES:
        return Content(note="This file is too long to be shown here.")
    return Content(lines=lines(content.decode("utf-8", "replace"), path.rpartition("/")[2]))


def _large(call: Call, seen: Glimpse, path: str) -> Content:
    pointer = seen.pointer
    if pointer is None or call.hub.store.lfs.size(pointer.oid) != pointer.size:
        return Content(note="Only the pointer of this large file is here; its content is not on this Hub.")
    if path.lower().endswith(".safetensors"):
        with call.hub.store.lfs.open(pointer.oid) as file:
            tensors = read_tensors(file, pointer.size)
        if tensors:
            return Content(tensors=tensors)
    if path.lower().endswith(_IMAGES) and pointer.size <= _LARGEST_IMAGE:
        return Content(is_image=True)
    return Content(note="Large files are not shown here.")
