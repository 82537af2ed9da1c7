"""Where events wait that have been taken on: each is worked on once, and again while GitHub or the Hub fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.ci.relay.forwarding import may_pass
from hubver.ci.relay.memory import Seen
from hubver.ci.relay.outbox import Outbox
from hubver.errors import HubverError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hubver.ci.relay.forwarding import Forwarder
    from hubver.ci.relay.webhook import Dispatch, Sighting

# Three quarters of an hour, at growing distances; after that the schedule's sweep is the surer way.
_TRIES = 14
_MOST_WAITING = 1000
_MOST_SEEN = 10_000


class Desk:
    """Takes events on, and has them forwarded in the background.

    Args:
        forwarder: asks the Hub, and tells GitHub.
        tell: told what becomes of each event, in a line.

    Attributes:
        seen: the sightings that were dispatched, or are being worked on. What turned out to be no candidate is not
            among them: a draft becomes one without moving.
    """

    def __init__(self, forwarder: Forwarder, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.seen: Seen[Sighting] = Seen(_MOST_SEEN)
        self._forwarder = forwarder
        self._outbox: Outbox[Dispatch] = Outbox(self._do, self._give_up, tries=_TRIES, most=_MOST_WAITING)
        self._dispatched = self._failed = 0

    @property
    def models(self) -> Collection[str]:
        """The repositories that are watched."""
        return self._forwarder.routes

    def take(self, event: Dispatch) -> bool:
        """Take an event on; False where too much waits, or the end has begun."""
        # Known from here on, so that one event that is delivered twice at once is worked on once.
        self._remember(event)
        if not self._outbox.put(event):
            self._forget(event)
            return False
        return True

    def counts(self) -> dict[str, int]:
        """How much waits, and since the start: candidates that were dispatched, and events that were given up."""
        return {"waiting": self._outbox.waiting, "dispatched": self._dispatched, "failed": self._failed}

    def finish(self, patience_s: float) -> None:
        """Take nothing on any more, and do what is left, in so many seconds at most."""
        self._outbox.finish(patience_s)

    def _do(self, event: Dispatch) -> bool:
        """Forward one event; answers whether it is settled."""
        try:
            for outcome in self._forwarder.forward(event.sightings):
                self.tell(str(outcome))
                if outcome.dispatched:
                    self._dispatched += 1
                else:
                    self.seen.discard(outcome.sighting)
        except HubverError as error:
            if may_pass(error):
                self.tell(f"waits: {_names(event)}: {error}")
                return False
            self._fail(event, str(error))
        except Exception as error:  # noqa: BLE001  # a fault of ours in one event must not end the work on all others
            self._fail(event, f"a fault in hubver itself ({type(error).__name__})")
        return True

    def _give_up(self, event: Dispatch) -> None:
        self._fail(event, "it was tried too often, or the relay has ended; the schedule of the workflow finds it")

    def _fail(self, event: Dispatch, reason: str) -> None:
        self._failed += 1
        self._forget(event)
        self.tell(f"failed: {_names(event)}: {reason}")

    def _remember(self, event: Dispatch) -> None:
        for sighting in event.sightings:
            if sighting.sha is not None:
                self.seen.add(sighting)

    def _forget(self, event: Dispatch) -> None:
        for sighting in event.sightings:
            self.seen.discard(sighting)


def _names(event: Dispatch) -> str:
    return ", ".join(map(str, event.sightings))
