"""`hubver relay --job`: one event that started a Job on the Hub, seen through before the Job ends.

Source: https://huggingface.co/docs/hub/jobs-webhooks. Whoever may start the Job writes its environment, so the secret
in it says only that it is this webhook's; what counts is what the Hub answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.ci.relay.forwarding import may_pass
from hubver.ci.relay.webhook import SECRET_HEADER, Dispatch, Refused, read
from hubver.errors import BadDocument, BadSettings, HubverError, Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.ci.relay.forwarding import Forwarder, Outcome
    from hubver.ci.relay.webhook import Sighting
    from hubver.relay_settings import RelaySettings

# With growing waits, a quarter of a minute: a Job is paid for by the minute, and the schedule's sweep comes anyway.
_TRIES = 5
_FIRST_WAIT_S = 1.0


@dataclass(frozen=True)
class Done:
    """What became of the event.

    Attributes:
        outcomes: of each ref that might have been a candidate.
        ignored: why there was nothing to look at; None where there was.
    """

    outcomes: tuple[Outcome, ...]
    ignored: str | None = None


def run(
    settings: RelaySettings,
    secret: bytes,
    forwarder: Forwarder,
    tell: Callable[[str], None],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Done:
    """Do for the event that started this Job what the server does for one.

    Args:
        settings: what the Hub put into the Job's environment.
        secret: what the webhook was set up with.
        tell: told of each try that failed.
        pause: waits so many seconds.

    Raises:
        BadSettings: no webhook started this Job.
        Untrusted: the webhook has another secret.
        BadDocument: the payload is none.
        BadToken, NotFound: the Hub or GitHub refused.
        HubFailed, GithubFailed: one of them failed to the last try.
    """
    if settings.payload is None:
        raise BadSettings(
            "WEBHOOK_PAYLOAD is not set: no webhook started this Job.",
            hint="Let one do so: hf webhooks create --job-id JOB_ID --watch model:ORG/NAME --secret SECRET",
        )
    sent = settings.sent_secret.get_secret_value().encode() if settings.sent_secret else b""
    body = settings.payload.get_secret_value().encode(errors="surrogateescape")
    said = read([(SECRET_HEADER.encode(), sent)], body, secret=secret, models=forwarder.routes)
    if isinstance(said, Refused):
        if said.status == 401:
            raise Untrusted("WEBHOOK_SECRET, which this webhook was set up with, is not HUBVER_WEBHOOK_SECRET.")
        raise BadDocument(f"WEBHOOK_PAYLOAD cannot be used: {said.reason}.")
    if not isinstance(said, Dispatch):
        return Done((), said.reason)
    outcomes: dict[Sighting, Outcome] = {}
    for attempt in range(_TRIES):
        try:
            for outcome in forwarder.forward(said.sightings):
                outcomes.setdefault(outcome.sighting, outcome)
            return Done(tuple(outcomes.values()))
        except HubverError as error:  # noqa: PERF203  # each try is a whole one
            if attempt == _TRIES - 1 or not may_pass(error):
                raise
            tell(f"waits: {error}")
            pause(_FIRST_WAIT_S * 2**attempt)
    raise AssertionError("unreachable: the last try returns or raises")
