"""The verdict that lets a commit into production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import GateFailed, NotGated
from hubver.hub import ledger
from hubver.hub.events import Judged

if TYPE_CHECKING:
    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.hub.events import Release


def binding(
    hub: Hub, repo_id: str, refs: Refs, asked: str, *, release: Release, previous: Release | None, override: str | None
) -> str | None:
    """The ledger commit of the newest verdict on exactly this commit against exactly this production.

    Args:
        asked: the revision as the user named it, for the hint.
        previous: what is in production; None where nothing is.
        override: why it may go there without a passing verdict; then the answer may be None.

    Raises:
        NotGated: there is none.
        GateFailed: it is not a pass.
        BadDocument: a newer event cannot be read, and could be a verdict.
    """
    baseline = previous.sha if previous else None
    seen: Judged | None = None
    gate = f"hubver gate {repo_id}@{asked}"
    for entry in ledger.entries(hub, repo_id, refs):
        event = entry.event
        if entry.unreadable is not None and override is None:
            raise entry.unreadable
        if not isinstance(event, Judged) or event.candidate.sha != release.sha:
            continue
        if (event.baseline.sha if event.baseline else None) == baseline:
            if event.outcome == "pass" or override is not None:
                return entry.sha
            raise GateFailed(
                f"The gate's verdict on {release} is {event.outcome}, so it does not go to production.",
                found="; ".join(event.reasons[:3]) or None,
                hint=f"Read the report, or judge it again with: {gate}",
            )
        seen = seen or event
    if override is not None:
        return None
    if seen is not None:
        was = str(seen.baseline) if seen.baseline else "no production"
        raise NotGated(
            f"{release} was judged against {was}, but {previous or 'nothing'} is in production now.",
            hint=f"Judge it against that with: {gate}",
        )
    raise NotGated(f"There is no verdict on {release} ({release.sha[:8]}).", hint=f"Judge it with: {gate}")


def evidence(hub: Hub, repo_id: str, refs: Refs, sha: str, name: str) -> bytes | None:
    """A file that the newest verdict on a commit left in the ledger; None where there is no such verdict or file."""
    for entry in ledger.entries(hub, repo_id, refs):
        if isinstance(entry.event, Judged) and entry.event.candidate.sha == sha:
            return hub.read_if_there(repo_id, entry.sha, name)
    return None
