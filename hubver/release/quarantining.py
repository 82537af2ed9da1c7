"""`quarantine`: a revision must not go to any channel, until somebody says that it may again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Quarantined, Release, State
from hubver.pins import find_sha, version_of
from hubver.record.secrets import redact
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from hubver.hub.contents import Refs


@dataclass(frozen=True)
class Quarantine:
    """A revision that must not go to any channel, or may again.

    Attributes:
        lifted: whether it may again.
        already: whether that was so before, so that nothing was done.
        running_in: the channels that it is in now: a quarantine moves nothing.
    """

    repo_id: str
    release: Release
    lifted: bool
    already: bool
    running_in: tuple[str, ...]


def quarantine(
    text: str, *, reason: str | None = None, lift: bool = False, settings: Settings | None = None
) -> Quarantine:
    """Keep a revision out of all channels, rollbacks included, or let it in again.

    Args:
        text: `ORG/NAME@REVISION`.
        reason: kept in the ledger.
        lift: let it in again.
        settings: the user's own if None.

    Raises:
        NotFound, BadInput, BadToken, StaleRef, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    target = Target.parse(text, need_revision=True)
    hub = Hub.of(settings, target.repo_id)
    hub.need_token()
    refs = hub.refs(target.repo_id)
    sha = find_sha(hub, target.repo_id, target.revision or "", refs, production=settings.production)
    release = Release(sha=sha, version=version_of(refs, sha))
    state = ledger.state(hub, target.repo_id, refs)
    already = state.is_quarantined(sha) != lift
    if not already:
        actor = settings.actor or hub.whoami()

        def event(_refs: Refs, before: State) -> Quarantined:
            return Quarantined(
                at=datetime.now(timezone.utc),
                actor=actor,
                run_url=settings.run_url,
                state=before.lift(sha) if lift else before.quarantine(release),
                release=release,
                reason=redact(reason) if reason is not None else None,
                lifted=lift,
            )

        ledger.append(hub, target.repo_id, event)
    running = tuple(
        # Where a change is half done, or others moved the branch, it may be either.
        name
        for name, channel in state.channels.items()
        if sha in (channel.release.sha, refs.branches.get(name))
    )
    return Quarantine(target.repo_id, release, lift, already, running)
