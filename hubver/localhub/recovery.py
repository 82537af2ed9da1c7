"""What is done when a folder is served again, because whoever served it last may have been killed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hubver.localhub.large.sweep import sweep
from hubver.localhub.repos.repository import PREFIXES
from hubver.localhub.talk.discussions import Discussions

if TYPE_CHECKING:
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.store import Store

_LEFT_IN_GIT = (".packed-refs.*", "objects/tmp_pack_*", "objects/pack/*.lock", "objects/??/*.lock")
"""Half-written files. An object cannot be written while its lock lies there, and nobody takes that away but us."""


def recover(store: Store) -> None:
    """Finish what was half done in each repo, and remove what was half written or belongs to no repo.

    Nothing else uses the store yet.
    """
    for kind in PREFIXES:
        for repo in store.list(kind):
            _remove_leftovers(repo)
            Discussions(repo).recover()
    sweep(store)


def _remove_leftovers(repo: Repository) -> None:
    for pattern in _LEFT_IN_GIT:
        for file in repo.git_dir.glob(pattern):
            file.unlink()
    for folder in repo.git_dir.glob("objects/tmp_objdir-incoming-*"):
        shutil.rmtree(folder)
    for pattern in (".*", "discussions/.*", "large/.*"):
        for file in repo.folder.glob(pattern):
            file.unlink()
