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
        git_http: whether repositories can be reached by git. Some proxies in between let only the API through.
        atomic_push: whether git pushes may be atomic.
        fetch_any_object: whether git may fetch files and trees by their ids, which a partial clone does at its checkout;
            the Hub was seen to make such a clone and then to refuse that.
        large_files: whether `resolve` is answered `here` with a large file, or by a redirect to `another_origin`, which
            serves it to whoever has the signed address until that expires. The Hub leads to its CDN so; the metadata is
            then on the redirect, where clients must look for it, and tokens must stay behind.
        old_names: whether reading a repo by a name that it had before is answered `here`, or by a `redirect` to the same
            under its name now, which says nothing of the file. So does the Hub at least for files; its status and what
            else it does so for is not known.
        webhooks_on_branch_api: whether a branch created, moved or deleted over HTTP triggers webhooks, as pushes do.
        webhook_tries: how often a delivery is tried before it is given up.
        webhook_triggers_per_day: how often a webhook is triggered in 24 hours; what is more is dropped. None for any number.
        id_token_once: whether an id token can be exchanged once only. Jobs with `HF_OIDC_ID_TOKEN` exchange one often.
    """

    commit_lock: Literal["wait", "refuse"] = "wait"
    commits_per_hour: int | None = None
    branch_status: int = 200
    overwrite_main: bool = True
    merge_draft_status: int = 400
    merge_conflict_status: int = 409
    git_http: bool = True
    atomic_push: bool = True
    fetch_any_object: bool = True
    large_files: Literal["here", "another_origin"] = "here"
    old_names: Literal["here", "redirect"] = "here"
    webhooks_on_branch_api: bool = True
    webhook_tries: int = 4
    webhook_triggers_per_day: int | None = 1000
    id_token_once: bool = False
