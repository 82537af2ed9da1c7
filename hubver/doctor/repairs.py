"""What puts a repository right: each safe to repeat, and harmless where somebody else is faster.

A channel is moved, or followed, by an event like any other change. Tags are made, or put back, by compare-and-swap with
where they were found. The ledger is never rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotFound, NotGated
from hubver.hub.events import Adopted, RolledBack
from hubver.hub.transport.git import GitPush
from hubver.hub.transport.moves import Move, everywhere
from hubver.hub.transport.way import connect
from hubver.release import binding, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubver.hub.client import Hub
    from hubver.hub.events import Release
    from hubver.hub.transport.way import Way
    from hubver.release.standing import Standing
    from hubver.settings import Settings


@dataclass(frozen=True)
class Repairer:
    """Repairs of one repository.

    Attributes:
        tell: told each step before it is made.
    """

    hub: Hub
    repo_id: str
    settings: Settings
    tell: Callable[[str], None]

    def finish(self) -> None:
        """Finish what others began, as any next change would."""
        transaction.settled(self.hub, self.repo_id, self.tell)

    def make_tags(self, moves: Sequence[Move]) -> None:
        """Make tags that are missing; one that somebody else has made meanwhile is left as it is.

        Raises:
            StaleRef: somebody was faster; on a Hub with atomic pushes nothing was made then.
        """
        way = connect(self.hub, self.repo_id)
        there = everywhere(way.refs)
        way.carry_out(None, [one for one in moves if one.ref not in there])

    def put_back(self, move: Move) -> None:
        """Put a tag that was moved back on its commit.

        By git that is one step. The HTTP API cannot move a tag, so it is deleted and made again; cut short in between,
        it is a missing tag, which is made again like any other.
        """
        way = connect(self.hub, self.repo_id)
        now = everywhere(way.refs).get(move.ref)
        if now == move.new:
            return
        at_once = isinstance(way, GitPush) or now is None
        steps = (
            [Move(move.ref, now, move.new)] if at_once else [Move(move.ref, now, None), Move(move.ref, None, move.new)]
        )
        way.carry_out(None, steps)

    def restore(self, channel: str) -> bool:
        """Move a channel to where the ledger says it is, and say so in the ledger.

        Returns:
            Whether it was moved; False where it is there.

        Raises:
            NotFound: the commit is no longer on the Hub.
            NotGated: it is quarantined.
            StaleRef: the channel moved meanwhile.
        """

        def attempt(way: Way, standing: Standing) -> bool:
            there, now = standing.state.channel(channel), standing.at(channel)
            if there is None:
                raise BadInput(f"The ledger of {self.repo_id} has never put anything into {channel}.")
            if now is not None and now.sha == there.release.sha:
                return False
            self._check_free(standing, channel, there.release)
            self._check_there(channel, there.release)
            at = datetime.now(timezone.utc)
            event = RolledBack(
                at=at,
                actor=self._actor,
                run_url=self.settings.run_url,
                state=standing.state.rolled_back(channel, there.release, there.rollback_points, at),
                channel=channel,
                release=there.release,
                previous=now,
                rollback_tag=None,
                reason="it had been moved by other means",
                in_steps=way.in_steps,
            )
            self.tell(f"moving {channel} back to {there.release}")
            transaction.carry_out(way, event)
            return True

        return self._change(channel, attempt)

    def adopt(self, channel: str, reason: str) -> bool:
        """Let the ledger follow a channel to where it was moved by other means.

        Args:
            reason: as the ledger may keep it for ever.

        Returns:
            Whether it had to; False where the ledger says the same already.

        Raises:
            BadInput: there is no such branch.
            NotGated: what is there is quarantined, or the channel takes nothing without a verdict.
            StaleRef: the channel moved meanwhile.
        """

        def attempt(way: Way, standing: Standing) -> bool:
            said, now = standing.state.release(channel), standing.at(channel)
            known = dict.fromkeys((self.settings.production, *self.settings.channels, *standing.state.channels))
            if channel not in known:
                raise BadInput(f"{channel} is no channel of {self.repo_id}.", expected=f"one of {', '.join(known)}")
            if now is None:
                raise BadInput(
                    f"{channel} in {self.repo_id} is not there, so there is nothing to accept.",
                    hint=f"Bring it back with: hubver doctor {self.repo_id} --restore {channel}",
                )
            if said is not None and said.sha == now.sha:
                return False
            self._check_free(standing, channel, now)
            binding.check_admitted(standing, self.settings.model_copy(update={"acting_on": channel}), now)
            at = datetime.now(timezone.utc)
            event = Adopted(
                at=at,
                actor=self._actor,
                run_url=self.settings.run_url,
                state=standing.state.adopted(channel, now, at),
                channel=channel,
                release=now,
                previous=said,
                reason=reason,
            )
            self.tell(f"accepting {now} in {channel}")
            transaction.carry_out(way, event)
            return True

        return self._change(channel, attempt)

    def _change(self, channel: str, attempt: Callable[[Way, Standing], bool]) -> bool:
        return transaction.change(
            self.hub, self.repo_id, self.settings.model_copy(update={"acting_on": channel}), attempt, self.tell
        )

    @property
    def _actor(self) -> str:
        return self.settings.actor or self.hub.whoami()

    def _check_free(self, standing: Standing, channel: str, release: Release) -> None:
        if standing.state.is_quarantined(release.sha):
            raise NotGated(
                f"{release} is quarantined, so {channel} does not go to it.",
                hint=f"Go back to a rollback point with: hubver rollback {self.repo_id}; or lift the quarantine with: "
                f"hubver quarantine {self.repo_id}@{release} --lift",
            )

    def _check_there(self, channel: str, release: Release) -> None:
        try:
            self.hub.resolve(self.repo_id, release.sha)
        except NotFound as error:
            raise NotFound(
                f"{release} is no longer on the Hub, so {channel} cannot go back to it.",
                expected=f"the commit {release.sha[:8]}",
                hint=f"Push it from a clone that has it, or go back with: hubver rollback {self.repo_id}",
            ) from error
