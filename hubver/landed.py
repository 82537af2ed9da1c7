"""Where a run is on the Hub: how a push finds out what an earlier push of the same run got done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.hub import ledger, pulls
from hubver.hub.events import Published
from hubver.record.schema import RECORD_FILE, RunRecord

if TYPE_CHECKING:
    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs

_LOOK_BACK = 50


@dataclass(frozen=True)
class Landed:
    """A run's commit on the Hub, the record that it holds, and the pull request that it came by."""

    sha: str
    record: RunRecord
    pull_request: int | None = None


def trailer(run_id: str) -> str:
    """The line of a commit's message that says which run it holds."""
    return f"Hubver-Run: {run_id}"


def find(hub: Hub, repo_id: str, refs: Refs, run_id: str) -> Landed | None:
    """The commit of a run, wherever a push of it got to; None if it is not there yet.

    The ledger knows what was finished, also where a merge has squashed the run's own commit; a push that was cut short
    left its commit on `main`, or in a pull request that is still open.
    """
    return (
        _in_ledger(hub, repo_id, refs, run_id)
        or _on_main(hub, repo_id, refs, run_id)
        or _in_pull_request(hub, repo_id, refs, run_id)
    )


def _in_ledger(hub: Hub, repo_id: str, refs: Refs, run_id: str) -> Landed | None:
    for entry in ledger.entries(hub, repo_id, refs):
        if isinstance(entry.event, Published) and entry.event.run_id == run_id:
            return _read(hub, repo_id, entry.event.release.sha, entry.event.pull_request)
    return None


def _on_main(hub: Hub, repo_id: str, refs: Refs, run_id: str) -> Landed | None:
    for commit in hub.commits(repo_id, refs.branches["main"], limit=_LOOK_BACK):
        if trailer(run_id) in commit.message.splitlines():
            return _read(hub, repo_id, commit.sha)
    return None


def _in_pull_request(hub: Hub, repo_id: str, refs: Refs, run_id: str) -> Landed | None:
    number = pulls.find_open(hub, repo_id, run_id) if refs.pulls else None
    return None if number is None or number not in refs.pulls else _read(hub, repo_id, refs.pulls[number], number)


def _read(hub: Hub, repo_id: str, sha: str, pull_request: int | None = None) -> Landed:
    raw = hub.read(repo_id, sha, RECORD_FILE)
    return Landed(sha, RunRecord.from_bytes(raw, source=f"{RECORD_FILE} at {sha[:8]}"), pull_request)
