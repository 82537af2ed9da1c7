"""Telling GitHub of a candidate, so that its workflow judges it: the event `hubver-candidate`.

The event only says where to look: the workflow names its own model, checks what it is sent, and asks the Hub.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.ci import candidates
from hubver.ci.event import CANDIDATE
from hubver.ci.github import Github
from hubver.errors import HubverError
from hubver.hub.client import Hub
from hubver.hub.events import Judged

if TYPE_CHECKING:
    from hubver.ci.waiting import Repository
    from hubver.publish import Published
    from hubver.settings import Settings

_LONGEST_RUN_ID = 200


@dataclass(frozen=True)
class Announcement:
    """What became of telling GitHub of a pushed candidate.

    Attributes:
        github: `OWNER/REPO`, whose workflow judges it.
        dispatched: whether the event was sent now. It is not, where the candidate has its verdict already.
        no_token: whether there was none to send it with.
        failure: why it could not be sent.
        repeat: the command that sends it by hand.
    """

    github: str
    dispatched: bool
    repeat: str
    no_token: bool = False
    failure: str | None = None


def announce(published: Published, settings: Settings) -> Announcement | None:
    """Tell GitHub of a run that was pushed, unless it has a verdict already. Never fails: the push is done.

    Returns:
        None where the settings name no repository on GitHub (`[ci] github`).
    """
    github = settings.ci.github
    if github is None:
        return None
    payload = payload_of(
        published.repo_id,
        published.sha,
        version=published.version,
        pull_request=published.pull_request,
        run_id=published.run_id,
    )
    repeat = by_hand(github, payload)
    if settings.github.token is None:
        return Announcement(github, dispatched=False, repeat=repeat, no_token=True)
    try:
        # What was pushed just now nobody can have judged.
        if published.already and _was_judged(published, settings):
            return Announcement(github, dispatched=False, repeat=repeat)
        Github.of(settings.github).dispatch(github, CANDIDATE, payload)
    except HubverError as error:
        return Announcement(github, dispatched=False, repeat=repeat, failure=str(error))
    return Announcement(github, dispatched=True, repeat=repeat)


def has_verdict(repository: Repository, sha: str, settings: Settings) -> bool:
    """Whether a commit was judged against what is in the channel now.

    By whichever gates: they are not where this asks from, and the workflow's own sweep compares them.
    """
    return any(
        isinstance(event, Judged)
        and event.candidate.sha == sha
        and (event.baseline.sha if event.baseline else None) == repository.now
        and (event.channel or settings.production) == settings.channel
        for event in repository.events
    )


def _was_judged(published: Published, settings: Settings) -> bool:
    repository = candidates.read(Hub.of(settings, published.repo_id), published.repo_id, settings, sweep=False)
    return published.sha == repository.now or has_verdict(repository, published.sha, settings)


def payload_of(
    repo_id: str, sha: str, *, version: str | None, pull_request: int | None, run_id: str | None
) -> dict[str, str | int]:
    """What the event says of a candidate: five names of the ten that GitHub allows, and far less than its 64 KiB.

    Args:
        version: its tag, where it has one.
        pull_request: the one that it is the head of, if any.
        run_id: of the training run, where it is known. It is somebody's text, and left out where it is too long.
    """
    known = {
        "model": repo_id,
        "revision": sha,
        "version": version,
        "pull_request": pull_request,
        "run_id": run_id if run_id is not None and len(run_id) <= _LONGEST_RUN_ID else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def by_hand(github: str, payload: dict[str, str | int]) -> str:
    """The command that sends the event by GitHub's own tool."""
    fields = [
        part
        for name, value in payload.items()
        for part in ("-F" if isinstance(value, int) else "-f", f"client_payload[{name}]={value}")
    ]
    return shlex.join(["gh", "api", f"repos/{github}/dispatches", "-f", f"event_type={CANDIDATE}", *fields])
