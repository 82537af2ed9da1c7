"""Who this machine is to a Hub, and what time it is there: one request that needs no repository."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from hubver.errors import HubFailed
from hubver.hub.answers import translated
from hubver.hub.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubver.hub.client import Hub

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Probe:
    """What a Hub says of whoever asks.

    Attributes:
        account: the account's name; None without a token.
        role: what the Hub calls the token: `read`, `write` or `fineGrained`; None where it does not say.
        clock_ahead_s: seconds by which this machine's clock is ahead of the Hub's, good to about a second; None where
            the Hub did not say what time it is.
    """

    account: str | None
    role: str | None
    clock_ahead_s: float | None


def probe(hub: Hub, *, clock: Callable[[], float] = time.time) -> Probe:
    """Ask `GET /api/whoami-v2`; the answer's `Date` (RFC 9110, section 6.6.1) tells the time, whatever it answers.

    Args:
        clock: seconds since 1970, by this machine.

    Raises:
        BadToken: the Hub does not accept the token.
        HubUnreachable, HubFailed: no answer, or none that a Hub gives.
    """
    from huggingface_hub.utils import get_session, hf_raise_for_status

    reader = Reader(hub.endpoint, hub.token.get_secret_value() if hub.token else False)
    with translated(hub.endpoint, "this account"):
        asked = clock()
        response = get_session().get(f"{hub.endpoint}/api/whoami-v2", headers=reader.headers(), timeout=_TIMEOUT_S)
        ahead = _ahead((asked + clock()) / 2, response.headers)
        if hub.token is None:
            return Probe(None, None, ahead)
        hf_raise_for_status(response)
    try:
        answer: Any = json.loads(response.content)
        role = ((answer.get("auth") or {}).get("accessToken") or {}).get("role")
        return Probe(str(answer["name"]), None if role is None else str(role), ahead)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise HubFailed(
            f"{hub.endpoint} did not answer as a Hub does.", hint="Check that HF_ENDPOINT is the address of a Hub."
        ) from None


def _ahead(now: float, headers: Mapping[str, str]) -> float | None:
    try:
        # `Date` counts whole seconds, so half a second is what it leaves out on average.
        return now - parsedate_to_datetime(headers["date"]).timestamp() - 0.5
    except (LookupError, ValueError, TypeError):
        return None
