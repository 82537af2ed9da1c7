"""Where a repository's channels are: by their branches and by the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Release, State
from hubver.pins import version_of
from hubver.settings import Settings
from hubver.versions import known


@dataclass(frozen=True)
class Status:
    """Where a repository's channels are.

    Attributes:
        production: what the branch points to; None before the first promotion.
        state: what the ledger says.
        latest: the highest version.
        note: what is wrong, if production and ledger disagree.
    """

    repo_id: str
    production: Release | None
    state: State
    latest: str | None
    main: str
    open_pulls: int
    note: str | None = None


def status(repo_id: str, *, settings: Settings | None = None) -> Status:
    """Where production is, by its branch and by the ledger, in two requests, and a third where there are pull requests."""
    settings = settings or Settings.load()
    hub = Hub.of(settings)
    refs = hub.refs(repo_id)
    now = refs.branches.get(settings.production)
    state = ledger.state(hub, repo_id, refs)
    production = Release(sha=now, version=version_of(refs, now)) if now else None
    said = state.release(settings.production)
    note = None
    if (said.sha if said else None) != now:
        note = (
            f"{settings.production} is at {now[:8] if now else 'nothing'}, but the ledger says "
            f"{said.sha[:8] if said else 'nothing'}: it was moved by other means than hubver."
        )
    versions = known(refs.tags)
    return Status(
        repo_id,
        production,
        state,
        str(versions[-1]) if versions else None,
        refs.main,
        hub.open_pulls(repo_id) if refs.pulls else 0,
        note,
    )
