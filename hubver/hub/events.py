"""What the ledger can say: one document for each thing that happens to a model repository.

Pure. Every event states the release state **after** it, carried over from the event before, so that the newest event
alone tells where production is and which rollback points lead back, however long the history.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError

from hubver.documents import Document, Part
from hubver.errors import BadDocument

# How many rollback points an event carries. Older ones remain as tags and in older events.
MOST_ROLLBACK_POINTS = 50


class Release(Part):
    """One revision that is, or was, in production.

    Attributes:
        sha: the commit.
        version: the version tag on it, if it has one.
    """

    sha: str
    version: str | None = None

    def __str__(self) -> str:
        return self.version or self.sha[:8]


class RollbackPoint(Part):
    """What production left, and the tag that keeps it."""

    tag: str
    release: Release


class State(Part):
    """Where production is after an event.

    Attributes:
        production: what runs; None before the first promotion.
        rollback_points: the way back, newest first.
    """

    production: Release | None = None
    rollback_points: tuple[RollbackPoint, ...] = ()

    def promoted(self, release: Release, point: RollbackPoint | None) -> State:
        """The state once `release` is in production and what it replaced is kept by `point`."""
        points = self.rollback_points if point is None else (point, *self.rollback_points)
        return State(production=release, rollback_points=points[:MOST_ROLLBACK_POINTS])

    def rolled_back(self, point: RollbackPoint) -> State:
        """The state once production is back at `point`; the points after it are behind us."""
        position = self.rollback_points.index(point)
        return State(production=point.release, rollback_points=self.rollback_points[position + 1 :])


class Event(Document):
    """What all events say. Kinds that this version does not know are read as plain events and keep their fields.

    Attributes:
        at: when, in UTC, by the clock of whoever acted.
        actor: the account, or the CI user, that acted.
        run_url: the page of the CI run that acted.
        state: the release state after this event.
    """

    document_name: ClassVar[str] = "ledger event"

    format: Literal["hubver.event/1"] = "hubver.event/1"
    kind: str
    at: datetime
    actor: str
    run_url: str | None = None
    state: State = State()

    @property
    def title(self) -> str:
        """One line for people: the title of the ledger commit."""
        return self.kind


class Published(Event):
    """A run became a version, or a candidate."""

    kind: Literal["publish"] = "publish"
    release: Release
    run_id: str
    pull_request: int | None = None

    @property
    def title(self) -> str:
        """See `Event.title`."""
        where = "" if self.pull_request is None else f" (pull request #{self.pull_request})"
        return f"publish {self.release}{where}"


class Judged(Event):
    """A gate gave its verdict on exactly this candidate against exactly this baseline."""

    kind: Literal["verdict"] = "verdict"
    candidate: Release
    baseline: Release | None
    outcome: str
    gates_digest: str
    reasons: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """See `Event.title`."""
        against = "no production yet" if self.baseline is None else f"against {self.baseline}"
        return f"verdict {self.outcome} for {self.candidate} ({against})"


class Promoted(Event):
    """Production moved to a candidate."""

    kind: Literal["promote"] = "promote"
    release: Release
    previous: Release | None
    verdict: str | None = Field(description="The ledger commit of the verdict that allowed it.")
    rollback_tag: str | None = None
    pull_request: int | None = None
    override: str | None = Field(default=None, description="Why it was promoted without a passing verdict.")

    @property
    def title(self) -> str:
        """See `Event.title`."""
        was = "first release" if self.previous is None else f"was {self.previous}"
        forced = "" if self.override is None else ", override"
        return f"promote {self.release} → production ({was}{forced})"


class RolledBack(Event):
    """Production moved back to a rollback point."""

    kind: Literal["rollback"] = "rollback"
    release: Release
    previous: Release
    rollback_tag: str
    reason: str | None = None

    @property
    def title(self) -> str:
        """See `Event.title`."""
        why = "" if self.reason is None else f": {self.reason}"
        return f"rollback {self.previous} → {self.release}{why}"


class Signed(Event):
    """Somebody signed a revision; the signature, a bundle as OpenSSF model-signing writes it, lies beside the event.

    Attributes:
        means: `key`, `certificate` or `sigstore`.
    """

    kind: Literal["signature"] = "signature"
    release: Release
    means: str

    @property
    def title(self) -> str:
        """See `Event.title`."""
        return f"sign {self.release} ({self.means})"


_KINDS: dict[str, type[Event]] = {
    "publish": Published,
    "verdict": Judged,
    "promote": Promoted,
    "rollback": RolledBack,
    "signature": Signed,
}


def read_event(text: str | bytes) -> Event | None:
    """The event that a ledger commit's message holds; None if it holds none: somebody wrote there by hand.

    Raises:
        BadDocument: it is an event, of a kind or a format that this version cannot read.
    """
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not str(value.get("format")).startswith("hubver.event/"):
        return None
    try:
        return _KINDS.get(str(value.get("kind")), Event).model_validate(value)
    except ValidationError:
        raise BadDocument(
            "The ledger holds an event that this hubver cannot read.",
            hint="It may come from a newer hubver; upgrade with: pip install -U hubver",
        ) from None
