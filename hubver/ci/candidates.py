"""Which candidates a run is to judge: what its event asks for, or what waits for a verdict."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING

from hubver import copies
from hubver.ci import event
from hubver.ci.waiting import TRIES, Bench, Candidate, Repository
from hubver.errors import BadInput
from hubver.gates_folder import gates_digest
from hubver.hub import pulls
from hubver.hub.client import Hub
from hubver.pins import find_sha
from hubver.release.standing import Standing
from hubver.settings import Settings

if TYPE_CHECKING:
    from hubver.ci_settings import GithubSettings
    from hubver.hub.contents import Refs

# Events that are read, in one request: what is only known by an older one is judged again, which does no harm.
_NEWEST = 100
# GitHub allows 25 MB of webhooks, and 64 KB of a client's payload.
_MOST_BYTES = 25_000_000


@dataclass(frozen=True)
class Found:
    """What a run is to judge.

    Attributes:
        candidates: the oldest first, so that each is compared with what the one before may have left in production.
        notes: what was left out, and why.
    """

    repo_id: str
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]


def find(
    repo_id: str,
    *,
    revision: str | None = None,
    again: bool = False,
    limit: int = 10,
    settings: Settings | None = None,
    now: datetime | None = None,
) -> Found:
    """The candidates that a run is to judge, by what started it.

    A revision that a person asks for, or an event among those that wait; else, whatever waits: open pull requests of hubver and
    the newest version that have no verdict by the present gates against what is in the channel now. Three requests in all, however long
    the history is, and one more for each further fifty pull requests that are open.

    Args:
        revision: what whoever started the run asks for: a version, a branch, `refs/pr/N` or a sha.
        again: also what was judged already, as what a person asks for by name is in any case.
        limit: the most that are judged; the newest are.
        settings: the user's own if None. Their channel is judged for.
        now: the time, for verdicts that expire; the clock's if None.

    Raises:
        BadInput: the event, or what it asks for, is not what it should be.
        Refused: the event is about another model.
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    asked = event.asked(settings.github.event_name, _payload(settings.github), repo_id, revision)
    hub = Hub.of(settings, repo_id)
    repository = read(hub, repo_id, settings, sweep=asked is None or not _by_hand(settings))
    # A person who asks has it judged again: its promotion may have been lost, and nobody else would offer it anew.
    again = again or (asked is not None and _by_hand(settings))
    judged = {} if again else _bench(settings, repository, now).judged(repository.events)
    if asked is None:
        return _swept(repo_id, repository, judged, limit)
    sha = find_sha(hub, repo_id, asked, repository.refs, production=settings.production)
    candidate = repository.candidate(sha)
    note = _left_out(repository, candidate, judged, settings)
    return Found(repo_id, () if note else (candidate,), (note,) if note else ())


def _left_out(repository: Repository, candidate: Candidate, judged: dict[str, str], settings: Settings) -> str | None:
    """Why what was asked for is not judged; None where it is."""
    sha = candidate.revision
    if sha == repository.now:
        return f"{candidate} is in {repository.channel} already."
    if sha in judged:
        return _said(candidate, judged)
    if _by_hand(settings):
        return None
    if not repository.is_published(sha):
        return (
            f"{sha[:8]} was not published by hubver, so no event has it judged. If you know who wrote it, start the "
            "workflow by hand with it as `revision`."
        )
    # What passes is promoted: whoever sends events could otherwise bring back what was replaced or withdrawn long ago.
    if not any(one.revision == sha for one in repository.waiting()):
        return (
            f"{candidate} waits for no verdict, so no event has it judged: it is in quarantine, was in "
            f"{repository.channel}, came before what is, or its pull request is closed. If it is to go there, start the "
            "workflow by hand with it as `revision`."
        )
    return None


def _by_hand(settings: Settings) -> bool:
    return settings.github.event_name in (None, "workflow_dispatch")


def _swept(repo_id: str, repository: Repository, judged: dict[str, str], limit: int) -> Found:
    waiting = repository.waiting()
    notes = [_said(candidate, judged) for candidate in waiting if candidate.revision in judged]
    left = [candidate for candidate in waiting if candidate.revision not in judged]
    if strangers := repository.strangers:
        numbers = ", ".join(f"#{number}" for number in strangers)
        notes.append(f"Not published by hubver, so judged only where a person asks for it: pull request {numbers}.")
    if len(left) > limit:
        notes.append(f"{len(left) - limit} more wait, older than these; the next run finds them.")
    return Found(repo_id, tuple(reversed(left[:limit])), tuple(notes))


def _said(candidate: Candidate, judged: dict[str, str]) -> str:
    outcome = judged[candidate.revision]
    if outcome == "error":
        return (
            f"{candidate} came to no verdict {TRIES} times, by these gates against what is there now. Once it is known why, "
            "start the workflow by hand with it."
        )
    lost = " If its promotion was lost, run its failed jobs again, or start the workflow by hand with it."
    said = f"{candidate} was judged already, by these gates against what is there now: {outcome}."
    return said + (lost if outcome == "pass" else "")


def read(hub: Hub, repo_id: str, settings: Settings, *, sweep: bool) -> Repository:
    """What there is to judge in a repository, in three requests.

    Args:
        sweep: whether it is to be known which pull requests are open.

    Raises:
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    refs = hub.refs(repo_id)
    standing = Standing(hub, repo_id, refs, newest=_NEWEST)
    events = tuple(entry.event for entry in islice(standing.entries(), _NEWEST) if entry.event is not None)
    now = in_channel(repo_id, refs, settings)
    open_pulls = pulls.opened(hub, repo_id) if sweep and refs.pulls else frozenset()
    apart = "" if settings.channel == settings.production else f"{re.escape(settings.channel)}/"
    points = re.compile(rf"rollback/{apart}\d+-")
    return Repository(refs, events, standing.state, open_pulls, settings.channel, points, now)


def in_channel(repo_id: str, refs: Refs, settings: Settings) -> str | None:
    """The commit that candidates are compared with: what the channel has now; None where it has nothing yet.

    Raises:
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    if settings.rules.repo is None:
        return refs.branches.get(settings.channel)
    source = copies.running(settings, repo_id)
    return source.sha if source else None


def _bench(settings: Settings, repository: Repository, now: datetime | None) -> Bench:
    folder, days = settings.gates_directory, settings.rules.verdict_days
    return Bench(
        channel=settings.channel,
        production=settings.production,
        baseline=repository.now,
        gates=gates_digest(folder) if folder.is_dir() else None,
        tasks=settings.tasks_digest,
        oldest=None if days is None else (now or datetime.now(timezone.utc)) - timedelta(days=days),
    )


def _payload(github: GithubSettings) -> object:
    """What the event brought; None outside of a job."""
    if github.event_path is None:
        return None
    try:
        raw = github.event_path.read_bytes()
        return json.loads(raw) if len(raw) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        raise BadInput(
            "The event that started this run cannot be read.",
            expected=f"JSON in {github.event_path}",
            hint="GITHUB_EVENT_PATH names it; is this a job of GitHub?",
        ) from None
