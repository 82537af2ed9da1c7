"""What nobody outside can tell of the real Hub, or what it does only at times: each a choice, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Switches:
    """How a Hub behaves where its documentation, its clients and their tests do not say.

    A client is right if it works with each of them either way.

    Args:
        commit_lock: whether a commit `wait`s for another on the same repo, or is refused with 409 as is seen under load.
        commits_per_hour: commits that a repo takes over HTTP in an hour before it answers 429; None for any number.
        branch_status: status of the answer to a branch created or moved.
        overwrite_main: whether `overwrite` may move `main`.
        merge_draft_status: status of the answer to merging a draft.
        merge_conflict_status: status of the answer to merging a pull request with conflicts.
        atomic_push: whether git pushes may be atomic.
        webhooks_on_branch_api: whether a branch created, moved or deleted over HTTP triggers webhooks, as pushes do.
        webhook_tries: how often a delivery is tried before it is given up.
    """

    commit_lock: Literal["wait", "refuse"] = "wait"
    commits_per_hour: int | None = None
    branch_status: int = 200
    overwrite_main: bool = True
    merge_draft_status: int = 400
    merge_conflict_status: int = 409
    atomic_push: bool = True
    webhooks_on_branch_api: bool = True
    webhook_tries: int = 4
