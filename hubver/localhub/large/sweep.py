"""Giving the disk back what large files took that no repo has any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.localhub.large.holdings import Holdings
from hubver.localhub.repos.repository import PREFIXES

if TYPE_CHECKING:
    from hubver.localhub.store import Store


def sweep(store: Store) -> None:
    """Remove large files that no repo has, and chunks that no file is made of.

    Nothing is served meanwhile, so no upload relies on what is removed: those of the last server have lost their tokens
    with it. A sweep that is killed is finished by the next one.
    """
    held = {oid for kind in PREFIXES for repo in store.list(kind) for oid in Holdings(repo).oids()}
    store.lfs.keep_only(held)
    store.xet.keep_only(held)
