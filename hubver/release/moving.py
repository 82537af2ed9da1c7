"""The step that every promotion ends with, wherever its channel lives: one line, and the refs that it moves."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.hub.events import Promoted, RollbackPoint
from hubver.release import transaction
from hubver.release.candidate import Promotion, next_rollback_tag

if TYPE_CHECKING:
    from hubver.hub.events import Release, Source
    from hubver.hub.transport.way import Way
    from hubver.release.standing import Standing
    from hubver.settings import Settings


def move(
    way: Way,
    standing: Standing,
    settings: Settings,
    release: Release,
    *,
    verdict: str | None,
    final_tag: str | None,
    pull_request: int | None,
    override: str | None,
    source: Source | None = None,
) -> Promotion:
    """Move the channel that is acted on to a release, and keep what it leaves by a rollback point.

    Args:
        standing: the repository that the channel lives in.
        verdict: the ledger commit of what allows it; like the others, see `hubver.hub.events.Promoted`.

    Raises:
        StaleRef, HubFailed, HubUnreachable: see `hubver.hub.transport`.
    """
    channel = settings.channel
    previous = standing.at(channel)
    tag = next_rollback_tag(standing, settings, previous) if previous else None
    point = RollbackPoint(tag=tag, release=previous) if tag and previous else None
    at = datetime.now(timezone.utc)
    event = Promoted(
        at=at,
        actor=settings.actor or standing.hub.whoami(),
        run_url=settings.run_url,
        state=standing.state.promoted(channel, release, point, at),
        channel=channel,
        release=release,
        previous=previous,
        verdict=verdict,
        rollback_tag=tag,
        final_tag=final_tag,
        pull_request=pull_request,
        override=override,
        source=source,
        in_steps=way.in_steps,
    )
    transaction.carry_out(way, event)
    return Promotion(standing.repo_id, channel, release, previous, tag, final_tag, pull_request, source=source)
