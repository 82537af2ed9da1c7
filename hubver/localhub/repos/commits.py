"""Commits over HTTP: the NDJSON lines of a commit request, and the commit they make."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from hubver.localhub.errors import HubError, bad_request, entry_not_found, revision_not_found
from hubver.localhub.git.pre_receive import MISSING, Rule, objection
from hubver.localhub.large.blobs import write_blobs
from hubver.localhub.large.pointers import Attributes, Pointer, parse_pointer
from hubver.localhub.repos import trees
from hubver.localhub.repos.paths import checked_path
from hubver.localhub.repos.repository import Repository, read_blob, tree_of, write_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.large.blobs import Content

_OID = re.compile(r"[0-9a-f]{64}")
_PARENT = re.compile(r"[0-9a-f]{7,40}")


@dataclass
class Operations:
    """What one commit request asks for, path by path, checked as far as that needs no repo.

    Args:
        summary: first line of the message.
        description: rest of the message.
        parent: commit that the head must be; None to take any.
        files: content of regular files.
        large: LFS files, with the size if the client said it.
        deleted_files: each must be there; one that is a folder goes with all in it.
        deleted_folders: each must be there.
    """

    summary: str = ""
    description: str = ""
    parent: str | None = None
    files: dict[str, Content] = field(default_factory=dict)
    large: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    deleted_files: list[str] = field(default_factory=list)
    deleted_folders: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """The whole commit message."""
        return f"{self.summary}\n\n{self.description}" if self.description else self.summary


def parse_operations(lines: Iterable[bytes], keep: Callable[[bytes], Content]) -> Operations:
    """Read a commit request.

    Args:
        lines: of the request, read as they are needed.
        keep: takes the content of a regular file out of memory.

    Raises:
        HubError: 400 for a malformed or empty request, 422 for a path that leaves the repo.
    """
    parsed = Operations()
    try:
        for line in filter(bytes.strip, lines):
            item = json.loads(line)
            _take(parsed, item["key"], item["value"], keep)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise bad_request("The commit request is malformed: expected one JSON operation on each line") from None
    if not parsed.summary:
        raise bad_request("The commit needs a header with a summary")
    if not (parsed.files or parsed.large or parsed.deleted_files or parsed.deleted_folders):
        raise bad_request("The commit has no operations")
    written = {*parsed.files, *parsed.large}
    folders = {path[:end] for path in written for end, letter in enumerate(path) if letter == "/"}
    if written & folders:
        raise bad_request(f"The commit makes both a file and a folder of {min(written & folders)}")
    return parsed


def _take(parsed: Operations, key: str, value: dict[str, Any], keep: Callable[[bytes], Content]) -> None:
    if key == "header":
        parsed.summary, parsed.description = value["summary"].strip(), value.get("description") or ""
        parsed.message.encode()  # a lone surrogate is a ValueError like everything else that is malformed
        parsed.parent = value.get("parentCommit") or None
        if parsed.parent and not _PARENT.fullmatch(parsed.parent):
            raise bad_request("`parentCommit` must be a commit's id, or its first 7 digits at least")
        return
    path = checked_path(value["path"])
    if key == "file":
        parsed.files[path] = keep(_content(path, value))
    elif key == "lfsFile":
        if value.get("algo", "sha256") not in {"sha256", "sha_256"} or not _OID.fullmatch(value["oid"]):
            raise bad_request(f"{path}: an LFS file needs its sha256")
        parsed.large[path] = (value["oid"], value.get("size"))
    elif key == "deletedFile":
        parsed.deleted_files.append(path)
    elif key == "deletedFolder":
        parsed.deleted_folders.append(path)
    else:
        raise bad_request(f"Unknown operation {key!r}")


def _content(path: str, value: dict[str, Any]) -> bytes:
    encoding = value.get("encoding", "utf-8")
    if encoding not in {"utf-8", "base64"}:
        raise bad_request(f"{path}: the encoding must be utf-8 or base64")
    try:
        text = value["content"].encode()
        return base64.b64decode(text, validate=True) if encoding == "base64" else bytes(text)
    except (binascii.Error, UnicodeEncodeError):
        raise bad_request(f"{path}: the content is not valid {encoding}") from None


@dataclass(frozen=True)
class Head:
    """The branch or pull request that a commit goes on: full name of its ref, and the commit there now."""

    ref: str
    commit: str


@dataclass(frozen=True)
class Workbench:
    """What writing a commit needs.

    Args:
        repo: under its lock.
        store: its open objects.
        size_of: size of an LFS object that the committer may use; None if there is none.
        ref: full name of the ref that the commit is for.
    """

    repo: Repository
    store: BaseObjectStore
    size_of: Callable[[str], int | None]
    ref: str


def write(bench: Workbench, operations: Operations, parent: str, author: str) -> str:
    """Write the commit that `operations` make on top of `parent`, and answer its id. The caller moves the ref.

    Raises:
        HubError: 400 for an LFS object that was never uploaded, 404 EntryNotFound for a deletion of nothing.
    """
    store = bench.store
    tree = tree_of(store, parent)
    for path in operations.deleted_folders + operations.deleted_files:
        found = trees.find(store, tree, path)
        if found is None or (path in operations.deleted_folders and not found.is_folder):
            raise entry_not_found(path, parent)
    changes: dict[str, tuple[int, str] | None] = dict.fromkeys(operations.deleted_files)
    for path, blob in write_blobs(store, _all_files(bench, operations, parent)).items():
        changes[path] = (trees.FILE_MODE, blob)
    # Folders go first, so that a commit may empty one and fill it anew.
    tree = trees.edit(store, tree, dict.fromkeys(operations.deleted_folders))
    tree = trees.edit(store, tree, changes)
    return write_commit(store, tree, [parent], author, operations.message)


def _all_files(bench: Workbench, operations: Operations, parent: str) -> dict[str, Content]:
    """Every file to be written as git will hold it: with pointers, and with the attributes that they need."""
    contents = dict(operations.files)
    refused: dict[Rule, list[str]] = {}
    for path, (oid, said) in operations.large.items():
        size = bench.size_of(oid)
        if size is None or said not in (None, size):
            refused.setdefault(MISSING, []).append(path)
        else:
            contents[path] = partial(bytes, Pointer(oid, size))
    for path, content in contents.items():
        rule = objection(path, trees.FILE_MODE, content(), lambda oid, size: bench.size_of(oid) == size)
        if rule:
            refused.setdefault(rule, []).append(path)
    for rule, paths in refused.items():
        raise bad_request(rule.text(paths, bench.ref))
    present = contents.get(".gitattributes")
    attributes = bench.repo.attributes(bench.store, parent) if present is None else Attributes(present())
    needed = attributes.with_lfs_paths(list(operations.large))
    if needed != attributes.content:
        contents[".gitattributes"] = partial(bytes, needed)
    return contents


def head_for(repo: Repository, revision: str) -> Head:
    """Answer the branch or pull request that `revision` names.

    Raises:
        HubError: 404 RevisionNotFound; commits go on top of nothing else.
    """
    refs = repo.refs.read()
    for name in (f"refs/heads/{revision}", revision):
        if name in refs and name.startswith(("refs/heads/", "refs/pr/")):
            return Head(name, refs[name].commit)
    raise revision_not_found(revision)


def check_parent(operations: Operations, head: str) -> None:
    """Hold a commit to the parent it names.

    Raises:
        HubError: 412 if the head has moved.
    """
    if operations.parent is not None and not head.startswith(operations.parent):
        raise HubError(412, "The branch was updated since you opened this page. Please refresh and try again.")


def stored_oid(store: BaseObjectStore, tree: str, path: str) -> str | None:
    """What the client compares a file with before it uploads: sha256 of an LFS file, blob id of another."""
    entry = trees.find(store, tree, path)
    if entry is None or entry.is_folder:
        return None
    pointer = parse_pointer(read_blob(store, entry.oid))
    return pointer.oid if pointer else entry.oid
