"""Keep in the ledger that a gate came to no verdict, so that the sweep does not have it judged every hour for ever."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.ci.candidates import in_channel
from hubver.gate.running.public import public
from hubver.gates_folder import gates_digest
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Release, Unjudged
from hubver.pins import resolve, version_of

if TYPE_CHECKING:
    from pathlib import Path

    from hubver.errors import HubverError
    from hubver.hub.contents import Refs
    from hubver.hub.events import State
    from hubver.settings import Settings

_MOST_LETTERS = 1000


def keep(text: str, error: HubverError, gates: Path | None, settings: Settings) -> None:
    """Write down that there is no verdict on a candidate against what is in the channel now.

    Args:
        text: `ORG/NAME@REVISION`.
        error: what the gate ended with.
        gates: the folder of gates; the settings' own if None. Without one nothing is kept.
        settings: their channel is judged for.

    Raises:
        BadToken: the token may not write to the repository.
        NotFound, StaleRef, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    folder = gates or settings.gates_directory
    if not folder.is_dir():
        return
    candidate = resolve(text, settings=settings)
    hub = Hub.of(settings, candidate.repo_id)
    actor = settings.actor or hub.whoami()
    digest = gates_digest(folder)

    def event(refs: Refs, state: State) -> Unjudged:
        now = in_channel(candidate.repo_id, refs, settings)
        return Unjudged(
            at=datetime.now(timezone.utc),
            actor=actor,
            run_url=settings.run_url,
            state=state,
            candidate=Release(sha=candidate.sha, version=version_of(refs, candidate.sha)),
            baseline=None if now is None else Release(sha=now, version=version_of(refs, now)),
            channel=settings.channel,
            gates_digest=digest,
            tasks_digest=settings.tasks_digest,
            reason=public(str(error), (settings.root,))[:_MOST_LETTERS],
        )

    ledger.append(hub, candidate.repo_id, event)
