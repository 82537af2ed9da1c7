"""Which way refs move on a Hub, and whether this machine's token may move them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver import __version__
from hubver.doctor.findings import Access, Finding
from hubver.errors import BadToken, HubverError
from hubver.hub.probe import probe
from hubver.hub.transport.git import GitPush

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.client import Hub

_MOST_SKEW_S = 60.0
_TOGETHER = "A promotion moves its channel, its tags and the ledger together, or not at all."
_ONE_BY_ONE = (
    "A promotion writes the ledger's line first and moves the refs one after another; what is cut short, the next "
    "command finishes."
)
_UNCOMPARED = (
    f"{_ONE_BY_ONE} What others push within the moment between a look at a branch and its move is overwritten."
)


def access(hub: Hub, repo_id: str, *, clock: Callable[[], float]) -> Access:
    """Find out, in three requests.

    Args:
        clock: seconds since 1970, by this machine.

    Raises:
        BadToken: the Hub does not accept the token at all.
        HubUnreachable, HubFailed: no answer.
    """
    from huggingface_hub import __version__ as client_version

    who = probe(hub, clock=clock)
    versions = {"hubver": __version__, "huggingface_hub": client_version}
    if hub.token is None:
        because = "there is no token (set HF_TOKEN), and only a token that may write is told"
        return Access(hub.endpoint, None, "none", None, because, None, who.clock_ahead_s, versions)
    try:
        hub.need_write(repo_id)
    except BadToken:
        kind = f"{who.account}'s token" + (f" (role {who.role})" if who.role else "")
        because = f"{kind} may not write to {repo_id}, and only one that may is told"
        return Access(hub.endpoint, who.account, "read only", None, because, None, who.clock_ahead_s, versions)
    way, because, meaning = _way(hub, repo_id)
    return Access(hub.endpoint, who.account, "write", way, because, meaning, who.clock_ahead_s, versions)


def _way(hub: Hub, repo_id: str) -> tuple[str, str, str]:
    """The way, how that is known, and what it means."""
    try:
        git = GitPush(hub, repo_id)
    except HubverError as error:
        return "HTTP, one ref at a time", f"git is not to be had: {error}", _UNCOMPARED
    if git.in_steps:
        return git.name, "the Hub takes git pushes, and does not offer `atomic`", _ONE_BY_ONE
    return git.name, "the Hub offers `atomic` to a git push", _TOGETHER


def check(found: Access) -> list[Finding]:
    """What one should know of it."""
    ahead = found.clock_ahead_s
    if ahead is None or abs(ahead) < _MOST_SKEW_S:
        return []
    way = "ahead of" if ahead > 0 else "behind"
    return [
        Finding(
            "clock",
            "clock",
            f"This machine's clock is {abs(ahead):.0f} s {way} the Hub's, and events are dated by it.",
            problem=False,
            advice="Set the clock; the ledger's order stays right all the same.",
        )
    ]
