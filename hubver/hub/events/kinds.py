"""The kinds of events: what each says beyond the state, the line that people read, and reading them. Pure."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, ValidationError

from hubver.documents import Document, Part
from hubver.errors import BadDocument
from hubver.hub.events.state import Release, State


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
    at: AwareDatetime
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
    """A gate gave its verdict on exactly this candidate against exactly this baseline.

    Attributes:
        channel: the one that it was judged for; None in verdicts from before there were several.
        gates_digest: of the folder of gates.
        tasks_digest: of the tasks that the settings declare.
    """

    kind: Literal["verdict"] = "verdict"
    candidate: Release
    baseline: Release | None
    channel: str | None = None
    outcome: str
    gates_digest: str
    tasks_digest: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """See `Event.title`."""
        channel = self.channel or "production"
        against = f"no {channel} yet" if self.baseline is None else f"against {self.baseline}"
        where = "" if channel == "production" or self.baseline is None else f" in {channel}"
        return f"verdict {self.outcome} for {self.candidate} ({against}{where})"


class Unjudged(Event):
    """A gate came to no verdict on exactly this candidate against exactly this baseline. Nothing follows from it.

    Attributes:
        channel, gates_digest, tasks_digest: as of `Judged`.
        reason: what went wrong.
    """

    kind: Literal["no-verdict"] = "no-verdict"
    candidate: Release
    baseline: Release | None
    channel: str
    gates_digest: str
    tasks_digest: str
    reason: str

    @property
    def title(self) -> str:
        """See `Event.title`."""
        where = "" if self.channel == "production" else f" for {self.channel}"
        return f"no verdict on {self.candidate}{where}"


class Change(Event):
    """A channel moved.

    Attributes:
        channel: its branch.
        release: what runs there now.
        previous: what it left, where it was found: None for a first release.
        in_steps: whether its refs were to move one after another, so that it may be found half done. Otherwise they
            moved together with this event, or not at all.
    """

    channel: str
    release: Release
    previous: Release | None
    in_steps: bool = False

    @property
    def tags(self) -> dict[str, str]:
        """The tags that belong to it: name → commit."""
        return {}


class Source(Part):
    """The commit of another repository that a commit is a copy of, file by file."""

    repo_id: str
    sha: str


class Promoted(Change):
    """A channel moved to a candidate.

    Attributes:
        verdict: the ledger commit of the verdict that allowed it.
        rollback_tag: on what the channel left.
        final_tag: the version's tag, where the candidate was a pull request's `-rc.N`.
        override: why it was promoted without a passing verdict.
        source: what the release is a copy of, where the channel lives in a repository of its own; then the verdict, the
            pull request and the override's absence are to be looked up there.
    """

    kind: Literal["promote"] = "promote"
    verdict: str | None
    rollback_tag: str | None = None
    final_tag: str | None = None
    pull_request: int | None = None
    override: str | None = None
    source: Source | None = None

    @property
    def title(self) -> str:
        """See `Event.title`."""
        was = "first release" if self.previous is None else f"was {self.previous}"
        forced = "" if self.override is None else ", override"
        return f"promote {self.release} → {self.channel} ({was}{forced})"

    @property
    def tags(self) -> dict[str, str]:
        """See `Change.tags`."""
        kept = {self.rollback_tag: self.previous.sha} if self.rollback_tag and self.previous else {}
        return kept | ({self.final_tag: self.release.sha} if self.final_tag else {})


class RolledBack(Change):
    """A channel moved back to a rollback point.

    Attributes:
        rollback_tag: the point it went back to; None for the release that the ledger knew there, after the branch had
            been moved by other means.
        quarantined: whether what it left must not go to any channel.
    """

    kind: Literal["rollback"] = "rollback"
    rollback_tag: str | None
    reason: str | None = None
    quarantined: bool = False

    @property
    def title(self) -> str:
        """See `Event.title`."""
        why = "" if self.reason is None else f": {self.reason}"
        where = "" if self.channel == "production" else f" in {self.channel}"
        return f"rollback {self.previous or 'nothing'} → {self.release}{where}{why}"


class Quarantined(Event):
    """A revision must not go to any channel, or may again.

    Attributes:
        lifted: whether it may again.
    """

    kind: Literal["quarantine"] = "quarantine"
    release: Release
    reason: str | None = None
    lifted: bool = False

    @property
    def title(self) -> str:
        """See `Event.title`."""
        why = "" if self.reason is None else f": {self.reason}"
        return f"{'lift quarantine of' if self.lifted else 'quarantine'} {self.release}{why}"


class Adopted(Change):
    """Somebody accepted where a channel was moved to by other means than hubver: the ledger follows the branch."""

    kind: Literal["adopt"] = "adopt"
    reason: str | None = None

    @property
    def title(self) -> str:
        """See `Event.title`."""
        return f"adopt {self.release} in {self.channel} (the ledger said {self.previous or 'nothing'})"


class Pruned(Event):
    """Refs that nothing needs any more were deleted.

    Attributes:
        refs: whole name → the commit it pointed to.
    """

    kind: Literal["prune"] = "prune"
    refs: dict[str, str]

    @property
    def title(self) -> str:
        """See `Event.title`."""
        return f"prune {len(self.refs)} ref{'s' * (len(self.refs) != 1)}"


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
    "no-verdict": Unjudged,
    "promote": Promoted,
    "rollback": RolledBack,
    "quarantine": Quarantined,
    "adopt": Adopted,
    "prune": Pruned,
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
