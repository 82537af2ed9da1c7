"""Which way refs move on this Hub: what it advertises decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import BadToken, HubFailed, NotFound
from hubver.hub.transport.git import GitPush
from hubver.hub.transport.http import HttpSteps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.hub.client import Hub
    from hubver.hub.transport.moves import Move

Way = GitPush | HttpSteps


def connect(hub: Hub, repo_id: str) -> Way:
    """Read a repository's refs, ready to move them: one request where git can be had.

    Raises:
        BadToken: the token may not write.
        NotFound: no such repository, or the token may not see it.
        HubUnreachable, HubFailed: no answer, neither to git nor to HTTP.
    """
    hub.need_token()
    try:
        return GitPush(hub, repo_id)
    except BadToken:
        hub.need_write(repo_id)  # raises, unless it is only git that is refused
    except NotFound:
        hub.refs(repo_id)  # says it better, unless it is only git that is missing
        hub.need_write(repo_id)
    except HubFailed:
        pass
    return HttpSteps(hub, repo_id)


def move(hub: Hub, repo_id: str, moves: Sequence[Move]) -> None:
    """Move refs, from where the caller read them; see `GitPush.carry_out` and `HttpSteps.carry_out`."""
    connect(hub, repo_id).carry_out(None, moves)
