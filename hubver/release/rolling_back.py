"""`rollback`: a channel goes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotFound, StaleRef
from hubver.hub.client import Hub
from hubver.hub.events import Release, RolledBack
from hubver.record.secrets import redact
from hubver.release import points, transaction
from hubver.release.intent import Intent
from hubver.release.quarantining import quarantine as keep_out
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.transport.way import Way
    from hubver.release.standing import Standing


@dataclass(frozen=True)
class Rollback:
    """A channel back at a rollback point.

    Attributes:
        channel: its branch.
        previous: what it left.
        rollback_tag: the point; None where it went back to what the ledger said after a move by other means.
        quarantined: whether what it left must not go to any channel now.
        already: whether it was back there before, so that nothing was done.
    """

    repo_id: str
    channel: str
    release: Release
    previous: Release
    rollback_tag: str | None
    quarantined: bool = False
    already: bool = False


def rollback(
    repo_id: str,
    *,
    channel: str | None = None,
    to: str | None = None,
    leaving: str | None = None,
    quarantine: bool = False,
    reason: str | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Rollback:
    """Move a channel back to a rollback point: the newest that is not quarantined, or the one named.

    Rolling back twice goes further back, unless the point, or what is to be left, is named: then it is safe to repeat
    from anywhere. One that was killed is safe to repeat on the same machine. Forward again is a promotion.

    Args:
        channel: production if None. Others are tables of the settings.
        to: a rollback tag, or the version or sha that one keeps.
        leaving: only if this version or sha is in the channel.
        quarantine: keep what is left out of all channels from now on.
        reason: kept in the ledger.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        BadInput: there is no such rollback point, or none at all.
        NotGated: the point is quarantined.
        StaleRef: the channel moved in between, or something else is in it than `leaving`; nothing was changed.
        HubUnreachable, HubFailed: it may have been done all the same; the same command is safe to repeat.
    """
    settings = (settings or Settings.load()).on_channel(channel)
    lives_in = settings.rules.repo
    if lives_in not in (None, repo_id):
        raise BadInput(
            f"{settings.channel} lives in {lives_in}, not in {repo_id}.",
            hint=f"Go back there: hubver rollback {lives_in}",
        )
    hub = Hub.of(settings, repo_id)
    tell = progress or (lambda _line: None)
    intent = Intent(settings, repo_id)
    said = redact(reason) if reason is not None else None
    work = _RollingBack(hub, repo_id, to, leaving, quarantine, said, settings, intent)
    try:
        done = transaction.change(hub, repo_id, settings, work.attempt, tell)
    except StaleRef:
        intent.end()  # after any other error it is not known what became of it
        raise
    intent.end()
    if quarantine and not done.quarantined:  # an earlier command went back, and did not say so
        keep_out(f"{repo_id}@{done.previous.sha}", reason=reason, settings=settings)
        return replace(done, quarantined=True)
    return done


@dataclass(frozen=True)
class _RollingBack:
    hub: Hub
    repo_id: str
    to: str | None
    leaving: str | None
    quarantine: bool
    reason: str | None
    settings: Settings
    intent: Intent

    def attempt(self, way: Way, standing: Standing) -> Rollback:
        settings, channel = self.settings, self.settings.channel
        previous = standing.at(channel)
        if previous is None:
            raise NotFound(f"Nothing is in {channel} in {self.repo_id} yet.", hint=f"See: hubver status {self.repo_id}")
        done = self._done(standing, previous)
        if done is not None:
            return done
        if not points.names(self.leaving, None, previous):
            raise StaleRef(
                f"{channel} in {self.repo_id} was not moved, because something else is in it.",
                expected=self.leaving,
                found=str(previous),
                hint=f"See: hubver status {self.repo_id}",
            )
        step = points.choose(standing, channel, self.to)
        at = datetime.now(timezone.utc)
        state = standing.state.quarantine(previous) if self.quarantine else standing.state
        event = RolledBack(
            at=at,
            actor=settings.actor or self.hub.whoami(),
            run_url=settings.run_url,
            state=state.rolled_back(channel, step.release, step.further, at),
            channel=channel,
            release=step.release,
            previous=previous,
            rollback_tag=step.tag,
            reason=self.reason,
            quarantined=self.quarantine,
            in_steps=way.in_steps,
        )
        self.intent.begin(at)
        transaction.carry_out(way, event)
        return Rollback(self.repo_id, channel, step.release, previous, step.tag, self.quarantine)

    def _done(self, standing: Standing, previous: Release) -> Rollback | None:
        """The rollback that the newest change was, if it is the one that is asked for."""
        channel = self.settings.channel
        last = standing.last_change(channel)
        if not isinstance(last, RolledBack) or last.previous is None or last.release.sha != previous.sha:
            return None
        begun_here = self.to is None and self.leaving is None and self.intent.was_begun(last.at)
        to_there = points.names(self.to, last.rollback_tag, last.release)
        left = self.leaving is not None and points.names(self.leaving, None, last.previous) and to_there
        there = self.to is not None and self.leaving is None and to_there
        if not (begun_here or left or there):
            return None
        return Rollback(
            self.repo_id, channel, last.release, last.previous, last.rollback_tag, last.quarantined, already=True
        )
