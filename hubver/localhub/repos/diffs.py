"""The difference between two commits, in git's words."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from dulwich.objects import ObjectID
from dulwich.patch import write_tree_diff

from hubver.localhub.repos.repository import tree_of

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore


def raw_diff(store: BaseObjectStore, before: str, after: str) -> str:
    """What leads from the tree of one commit to that of the other; bytes that are no UTF-8 are replaced."""
    out = BytesIO()
    old, new = (ObjectID(tree_of(store, commit).encode()) for commit in (before, after))
    write_tree_diff(out, store, old, new)
    return out.getvalue().decode("utf-8", "replace")
