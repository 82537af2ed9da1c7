"""One GET at a time from a Hub: bounded, tried again where that may help, and in hubver's words where it fails."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from hubver import __version__
from hubver.errors import BadToken, HubFailed, HubUnreachable, NotFound
from hubver.hub.answers import PASSING_STATUSES, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")
_TIMEOUT_S = 30.0
_TRIES = 3
# A document that hubver reads whole into memory is never larger than this.
MOST_BYTES = 32 << 20


class Reader:
    """Reads from one Hub, as one account.

    Args:
        endpoint: its address, without a final slash.
        token: sent as a bearer token; False to be anonymous. (None would make the Hub's client look for one.)
    """

    def __init__(self, endpoint: str, token: str | Literal[False]) -> None:
        self.endpoint = endpoint
        self._token = token

    def json(
        self, path: str, read: Callable[[Any], _T], *, subject: str, params: Mapping[str, int | str] | None = None
    ) -> _T:
        """Ask for JSON, and `read` from it what is wanted.

        Raises:
            HubFailed: the answer is not what a Hub gives.
        """
        body = self.get(path, subject=subject, params=params)
        try:
            return read(json.loads(body))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise HubFailed(
                f"{self.endpoint} answered {path} with something that is not a Hub's answer.",
                hint="Check that HF_ENDPOINT is the address of a Hub.",
            ) from None

    def get(self, path: str, *, subject: str, params: Mapping[str, int | str] | None = None) -> bytes:
        """The body of an answer. A passing failure (5xx, a lost connection) is tried three times; a refusal is final.

        Raises:
            HubFailed: it is larger than 32 MiB; no more than that is read.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._once(path, subject, params, last=attempt == _TRIES)
            except NotFound:
                self._blame_the_token()
                raise
            except HubUnreachable as error:
                # A refused connection stays refused; one that was cut in the middle may be worth another try.
                if attempt == _TRIES or "refused" in str(error.found):
                    raise
            else:
                if answer is not None:
                    return answer
            time.sleep(0.2 * 4**attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def _once(self, path: str, subject: str, params: Mapping[str, int | str] | None, *, last: bool) -> bytes | None:
        """One try; None where another one may do better."""
        from huggingface_hub.utils import get_session, hf_raise_for_status

        with (
            translated(self.endpoint, subject),
            get_session().stream(
                "GET",
                self.endpoint + path,
                params=params,
                headers=self.headers(),
                timeout=_TIMEOUT_S,
                follow_redirects=True,
            ) as response,
        ):
            if response.status_code in PASSING_STATUSES and not last:
                return None
            hf_raise_for_status(response)
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise HubFailed(f"{subject} is larger than hubver reads.", expected="at most 32 MiB")
            return bytes(body)

    def headers(self) -> dict[str, str]:
        """What every request carries: who asks, and by which tool."""
        from huggingface_hub.utils import build_hf_headers

        headers: dict[str, str] = build_hf_headers(
            token=self._token, library_name="hubver", library_version=__version__
        )
        return headers

    def _blame_the_token(self) -> None:
        """The Hub answers a wrong token as if the repository were missing: find out which it is.

        Raises:
            BadToken: it is the token.
        """
        from huggingface_hub.utils import get_session

        if self._token is False:
            return
        with translated(self.endpoint, "this account"):
            url = f"{self.endpoint}/api/whoami-v2"
            response = get_session().get(url, headers=self.headers(), timeout=_TIMEOUT_S)
            if response.status_code == 401:
                raise BadToken(
                    f"{self.endpoint} does not accept this token.",
                    hint="Set HF_TOKEN to a valid token, or run: hf auth login",
                )
