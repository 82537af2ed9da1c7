"""Which way refs move on this Hub: what it advertises decides."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hubver.errors import BadToken, HubFailed, NotFound
from hubver.hub.transport.git import GitPush
from hubver.hub.transport.http import HttpSteps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.hub.client import Hub
    from hubver.hub.transport.moves import Move

_PAUSE_S = 0.2

Way = GitPush | HttpSteps


def connect(hub: Hub, repo_id: str) -> Way:
    """Read a repository's refs, ready to move them: one request where git can be had.

    Raises:
        BadToken: the token may not write.
        NotFound: no such repository, or the token may not see it.
        HubUnreachable, HubFailed: no answer, neither to git nor to HTTP.
    """
    hub.need_token()
    return _git(hub, repo_id) or HttpSteps(hub, repo_id)


def _git(hub: Hub, repo_id: str) -> GitPush | None:
    """The way by git; None where there is none."""
    for pause in (_PAUSE_S, None):
        try:
            return GitPush(hub, repo_id)
        except BadToken:  # noqa: PERF203  # each try is a request
            hub.need_write(repo_id)  # raises, unless it is only git that is refused
            return None
        except NotFound:
            hub.refs(repo_id)  # says it better, unless it is only git that is missing
            hub.need_write(repo_id)
            return None
        except HubFailed:
            # A Hub that fails for a moment has git all the same, and then that is the way.
            if pause is not None:
                time.sleep(pause)
    return None


def move(hub: Hub, repo_id: str, moves: Sequence[Move]) -> None:
    """Move refs, from where the caller read them; see `GitPush.carry_out` and `HttpSteps.carry_out`."""
    connect(hub, repo_id).carry_out(None, moves)
