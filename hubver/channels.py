"""Where a repository's channels are: by their branches and by the ledger; and what waits to go there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING

from hubver.hub import witness
from hubver.hub.client import Hub
from hubver.hub.events import Judged, Release, RollbackPoint, State
from hubver.pins import version_of
from hubver.release.standing import Standing
from hubver.settings import Settings
from hubver.timeline.told import Told
from hubver.versions import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubver.hub.ledger import Entry

# Events that are read, in one request: older ones are not looked for.
_NEWEST = 100


@dataclass(frozen=True)
class ChannelStatus:
    """Where one channel is.

    Attributes:
        name: its branch.
        release: what the branch points to; None before the first promotion.
        since: when that came there, as the ledger says; None where the ledger says that something else is there.
        by: the event that brought it; None where it is not among the newest hundred.
        rollback_points: the way back, newest first.
    """

    name: str
    release: Release | None
    since: datetime | None
    by: Told | None
    rollback_points: tuple[RollbackPoint, ...]


@dataclass(frozen=True)
class Review:
    """An open pull request.

    Attributes:
        title: as whoever opened it wrote it.
        head: its newest commit; None where the Hub does not say.
        version: the candidate's tag on that commit.
        verdict: the outcome of the newest verdict on that commit against what is in production (`pass`, `fail`,
            `inconclusive`, `error`); `stale` where that was against something else, or has expired; `none` where the
            newest hundred events hold none.
    """

    number: int
    title: str
    head: str | None
    version: str | None
    verdict: str


@dataclass(frozen=True)
class Status:
    """Where a repository's channels are.

    Attributes:
        production: what the branch points to; None before the first promotion.
        channels: production, those that the settings name, and those that the ledger knows.
        state: what the ledger says.
        latest: the highest version.
        open_pulls: how many pull requests are open; `reviews` lists the newest fifty.
        warnings: where branches and ledger disagree, a change is half done, or the ledger is not what this machine saw.
    """

    repo_id: str
    production: Release | None
    channels: tuple[ChannelStatus, ...]
    state: State
    latest: str | None
    main: str
    open_pulls: int
    reviews: tuple[Review, ...]
    warnings: tuple[str, ...]


def status(repo_id: str, *, settings: Settings | None = None, now: datetime | None = None) -> Status:
    """Where all channels are, by their branches and by the ledger.

    Two requests, and a third where there are pull requests, however long the history is. Only where a branch is elsewhere
    than the ledger says, older events may be asked for, to tell what happened.

    Args:
        settings: the user's own if None.
        now: the time, for verdicts that expire; the clock's if None.

    Raises:
        NotFound: no such repository, or the token may not see it.
        BadDocument: the newest event of the ledger cannot be read.
        BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    hub = Hub.of(settings, repo_id)
    refs = hub.refs(repo_id)
    standing = Standing(hub, repo_id, refs, newest=_NEWEST)
    newest = tuple(islice(standing.entries(), _NEWEST))
    names = dict.fromkeys((settings.production, *settings.channels, *sorted(standing.state.channels)))
    versions = known(refs.tags)
    count, titles = hub.open_pulls(repo_id) if refs.pulls else (0, {})
    production = standing.at(settings.production)
    days = settings.on_channel(None).rules.verdict_days
    oldest = (now or datetime.now(timezone.utc)) - timedelta(days=days) if days is not None else None
    ours = [
        event for entry in newest if isinstance(event := entry.event, Judged) and _is_for(event, settings.production)
    ]
    verdicts = _verdicts(ours, production, oldest)
    return Status(
        repo_id,
        production,
        tuple(_channel(standing, name, newest) for name in names),
        standing.state,
        str(versions[-1]) if versions else None,
        refs.main,
        count,
        tuple(_review(standing, number, title, verdicts) for number, title in titles.items()),
        tuple(_warnings(standing, names, settings)),
    )


def _channel(standing: Standing, name: str, newest: tuple[Entry, ...]) -> ChannelStatus:
    now, told = standing.at(name), standing.state.channel(name)
    points = standing.state.points(name)
    if now is None or told is None or standing.astray(name):
        return ChannelStatus(name, now, None, None, points)
    # Every event states the whole state, so the oldest that has this position is the one that brought it.
    brought = None
    for entry in newest:
        if entry.event is None:
            continue
        channel = entry.event.state.channel(name)
        if channel is None or (channel.release.sha, channel.since) != (told.release.sha, told.since):
            break
        brought = entry if entry.event.at == told.since else None
    by = Told.of(brought.sha, brought.event) if brought is not None and brought.event is not None else None
    return ChannelStatus(name, now, told.since, by, points)


def _review(standing: Standing, number: int, title: str, verdicts: Mapping[str, str]) -> Review:
    head = standing.refs.pulls.get(number)
    version = version_of(standing.refs, head) if head else None
    return Review(number, title, head, version, verdicts.get(head or "", "none"))


def _is_for(verdict: Judged, production: str) -> bool:
    return verdict.channel in (None, production)


def _verdicts(newest: Iterable[Judged], production: Release | None, oldest: datetime | None) -> dict[str, str]:
    """What was found of each candidate: by its newest verdict against what is in production now, else `stale`.

    Args:
        oldest: verdicts from before this have expired.
    """
    binding: dict[str, str] = {}
    stale: dict[str, str] = {}
    for verdict in newest:
        stale[verdict.candidate.sha] = "stale"
        if (verdict.baseline.sha if verdict.baseline else None) == (production.sha if production else None):
            expired = oldest is not None and verdict.at < oldest
            binding.setdefault(verdict.candidate.sha, "stale" if expired else verdict.outcome)
    return stale | binding


def _warnings(standing: Standing, names: dict[str, None], settings: Settings) -> list[str]:
    hint = f"Look with: hubver doctor {standing.repo_id}"
    begun = standing.unfinished()
    told = []
    if begun is not None:
        told.append(
            f"{begun.actor} began to {begun.title}, and that is half done: whoever acts next finishes it. {hint}"
        )
    for name in names:
        if standing.astray(name) and (begun is None or begun.channel != name):
            now, said = standing.at(name), standing.state.release(name)
            told.append(
                f"{name} is at {_words(now)}, but the ledger says {_words(said)}: it was moved by other means than hubver. "
                f"{hint}"
            )
    told += [
        f"{name} lives in {rules.repo}. Look with: hubver status {rules.repo}"
        for name, rules in settings.channels.items()
        if rules.repo not in (None, standing.repo_id)
    ]
    rewritten = witness.warning(settings, standing.repo_id, standing.read, whole=standing.whole)
    return told if rewritten is None else [*told, rewritten]


def _words(release: Release | None) -> str:
    return "nothing" if release is None else f"{release} ({release.sha[:8]})" if release.version else release.sha[:8]
