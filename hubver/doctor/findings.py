"""What an examination found, and what would put it right. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hubver.hub.transport.moves import Move

Name = Literal[
    "half-done",
    "channel-moved",
    "channel-missing",
    "channel-unknown",
    "channel-quarantined",
    "tag-moved",
    "tag-missing",
    "tag-lost",
    "tag-unexplained",
    "tag-unseen",
    "ledger-missing",
    "ledger-rewritten",
    "ledger-contradiction",
    "ledger-unreadable",
    "ledger-stranger",
    "ledger-moved-before",
    "ledger-long",
    "more",
    "clock",
]
# Where the ledger itself cannot be believed, nothing is written by what it says.
_UNBELIEVABLE = frozenset({"ledger-missing", "ledger-rewritten", "ledger-contradiction", "ledger-unreadable"})


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, or that one should know.

    Attributes:
        name: what kind it is; the same in every version.
        subject: what it is about: a channel, a tag, `ledger`.
        fact: one sentence.
        problem: whether something is wrong; otherwise it is a note.
        repair: what `--repair` does about it; None where nothing is done unasked.
        advice: the command, or the decision, that a person must take.
        moves: the tags that the repair makes.
    """

    name: Name
    subject: str
    fact: str
    expected: str | None = None
    found: str | None = None
    problem: bool = True
    repair: str | None = None
    advice: str | None = None
    moves: tuple[Move, ...] = ()

    def __str__(self) -> str:
        details = [f"expected {self.expected}"] if self.expected else []
        details += [f"found {self.found}"] if self.found else []
        return f"{self.fact} ({', '.join(details)})" if details else self.fact


@dataclass(frozen=True)
class Access:
    """What this machine may do on the Hub, and how.

    Attributes:
        account: whose token it is; None without one.
        token: `none`, `read only` or `write`, as far as this repository goes.
        way: how refs will move; None where only a token that may write is told.
        because: how that is known, or why it is not.
        meaning: what it means for whoever promotes.
        clock_ahead_s: seconds by which this machine's clock is ahead of the Hub's; None where the Hub did not say.
        versions: of hubver and huggingface_hub.
    """

    endpoint: str
    account: str | None
    token: Literal["none", "read only", "write"]
    way: str | None
    because: str
    meaning: str | None
    clock_ahead_s: float | None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What was looked at, and what was found.

    Attributes:
        events: how many commits of the ledger were read.
        whole: whether that is all of it.
        findings: problems first.
        repaired: what was put right just now, in words.
    """

    repo_id: str
    access: Access
    events: int
    whole: bool
    findings: tuple[Finding, ...]
    repaired: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is wrong, without what one should only know."""
        return tuple(one for one in self.findings if one.problem)

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def unbelievable(self) -> Finding | None:
        """Why nothing may be written by what the ledger says; None where it can be believed."""
        return next((one for one in self.problems if one.name in _UNBELIEVABLE), None)
