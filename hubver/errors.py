"""The one tree of errors. Each says what is so, what was expected and found, and the next command.

`cli/main.py` alone turns them into exit codes; everything below it raises. Nothing that a user can cause leaves hubver
as any other exception. The codes, documented in the README:

====  ==========================================================
0     yes
1     no: a gate, a check or a compare-and-swap refused
2     the command, its input or its configuration is wrong
3     the Hub, the network or the tool failed; try again
====  ==========================================================
"""

from __future__ import annotations

from typing import ClassVar


class HubverError(Exception):
    """Base of every error that hubver raises on purpose.

    Args:
        fact: one sentence saying what is wrong, in the user's terms.
        expected: what should have been there, if that helps.
        found: what was there instead.
        hint: the next command or action.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self, fact: str, *, expected: str | None = None, found: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(fact)
        self.fact = fact
        self.expected = expected
        self.found = found
        self.hint = hint

    def __str__(self) -> str:
        details = [f"expected {self.expected}"] if self.expected else []
        details += [f"found {self.found}"] if self.found else []
        return f"{self.fact} ({', '.join(details)})" if details else self.fact


class Refused(HubverError):
    """The answer is no: exit code 1."""

    exit_code = 1


class GateFailed(Refused):
    """The gate ran and did not pass."""


class NotGated(Refused):
    """No passing verdict binds this candidate to the production it would replace."""


class Incomplete(Refused):
    """What must be known of a run before it is published is not; nothing was sent."""


class StaleRef(Refused):
    """A ref is no longer where it was read: somebody else moved it. Nothing of ours was written."""


class AlreadyExists(Refused):
    """What would be created exists with other content, and nothing is ever overwritten."""


class Untrusted(Refused):
    """A signature does not hold, or is not by whom it should be."""


class Tampered(Refused):
    """Bytes are not those that were recorded or locked, or what only grows was rewritten."""


class BadInput(HubverError):
    """The command, a file or a setting is wrong: exit code 2."""

    exit_code = 2


class NotFound(BadInput):
    """A repository, revision or file that was named does not exist, or the token may not see it."""


class BadToken(BadInput):
    """The token is missing, wrong, or may not do this."""


class BadSettings(BadInput):
    """`hubver.toml` or an environment variable cannot be used."""


class Unsafe(BadInput):
    """A file that must not be published: a pickle, a secret, something outside the folder."""


class BadDocument(BadInput):
    """A stored document (record, event, report) cannot be read."""


class MissingPackage(BadInput):
    """An optional dependency is needed for this command."""


class HubFailed(HubverError):
    """The Hub answered with an error of its own, or not as its protocol says: exit code 3.

    Attributes:
        sent: whether a change of a channel was on its way, so that it may have been made all the same.
    """

    sent = False


class HubUnreachable(HubFailed):
    """No answer: the connection was refused, lost or timed out."""


class InDoubt(HubFailed):
    """Whether the Hub has made a change is not known, because it cannot be asked: exit code 3."""


class GithubFailed(HubverError):
    """GitHub gave no answer, or not the one that its API promises: exit code 3."""


class HarnessFailed(HubverError):
    """The evaluation itself broke, so there is no verdict: exit code 3."""
