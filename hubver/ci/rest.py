"""One question to GitHub's REST API, and its answer: asked again where that is safe, and in hubver's words where it fails.

GitHub's token goes to GitHub only, and the Hub's to the Hub only: the session of huggingface_hub, which carries these
requests, adds no token by itself. No redirect is followed, so that no token goes anywhere else.

Source of the statuses and of the limits: GitHub's REST API, version 2022-11-28.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hubver import __version__
from hubver.errors import BadToken, GithubFailed, NotFound
from hubver.hub.answers import PASSING_STATUSES, reason
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

_TIMEOUT_S = 20.0
_TRIES = 3
# A job has better things to do than to wait for a limit to pass, which may take an hour.
_LONGEST_WAIT_S = 60.0
_VERSION = "2022-11-28"
_TOKENS = (
    "In a job, see its `permissions` (statuses, deployments, or contents for a dispatch: write); elsewhere, the token's"
)


class Unprocessable(GithubFailed):
    """GitHub understood the question, and cannot do it: there is no such commit, for example."""


class Rest:
    """GitHub's API, as the owner of one token.

    Args:
        api_url: the API's address, without a final slash.
        token: sent as a bearer token.
        pause: waits so many seconds.
    """

    def __init__(self, api_url: str, token: SecretStr | None, pause: Callable[[float], None] = time.sleep) -> None:
        self._api_url = api_url
        self._token = token
        self._pause = pause

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        again: bool = True,
    ) -> Any:
        """What the answer holds as JSON; None if nothing.

        Args:
            method: such as `POST`.
            path: from `/repos` on.
            body: sent as JSON.
            params: of the query.
            again: whether it does no harm to ask twice, so that a lost answer is asked for again.

        Raises:
            BadToken: there is no token, or it may not do this.
            NotFound: no such repository, or the token may not see it.
            Unprocessable: GitHub cannot do it.
            GithubFailed: no answer, one that is not GitHub's, or a limit that does not pass soon.
        """
        waited = 0.0
        for attempt in range(1, _TRIES + 1):
            try:
                response = self._send(method, path, body, params)
            except GithubFailed:
                if not again or attempt == _TRIES:
                    raise
                wait = 2.0**attempt
            else:
                limited = _limited(response)
                passing = again and response.status_code in PASSING_STATUSES
                wait = limited if limited is not None else 2.0**attempt
                if attempt == _TRIES or waited + wait > _LONGEST_WAIT_S or not (limited is not None or passing):
                    return self._answer(response, path, limited=limited)
            self._pause(wait)
            waited += wait
        raise AssertionError("unreachable: the last try returns or raises")

    def _send(self, method: str, path: str, body: Mapping[str, object] | None, params: Mapping[str, str] | None) -> Any:
        from huggingface_hub.errors import HTTPError
        from huggingface_hub.utils import get_session

        if self._token is None:
            raise BadToken(
                f"There is no token for {self._api_url}.",
                hint="In a job, hand it over with `env: GITHUB_TOKEN: ${{ github.token }}`; elsewhere, set "
                "HUBVER_GITHUB_TOKEN",
            )
        headers = {
            "Authorization": f"Bearer {self._token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": _VERSION,
            "User-Agent": f"hubver/{__version__}",
        }
        try:
            return get_session().request(
                method,
                f"{self._api_url}{path}",
                params=params,
                json=body,
                headers=headers,
                timeout=_TIMEOUT_S,
                follow_redirects=False,
            )
        except (HTTPError, ConnectionError, TimeoutError) as error:
            raise GithubFailed(
                f"{self._api_url} did not answer.", found=redact(reason(error)), hint="Check the network and try again."
            ) from error

    def _answer(self, response: Any, path: str, *, limited: float | None) -> Any:
        status = response.status_code
        if 200 <= status < 300:
            return _json(response)
        said = _said(response)
        if limited is not None:
            raise GithubFailed(f"{self._api_url} limits the rate of requests: {said}", hint="Try again in an hour.")
        if status == 401:
            raise BadToken(f"{self._api_url} does not accept this token.", hint=_TOKENS)
        if status == 403:
            raise BadToken(f"This token may not do this on {self._api_url}: {said}", hint=_TOKENS)
        if status == 404:
            where = "/".join(path.split("/")[2:4])
            raise NotFound(f"{where} is not on {self._api_url}, or this token may not see it.", hint=_TOKENS)
        kind = Unprocessable if status == 422 else GithubFailed
        hint = "Has the repository another name now?" if 300 <= status < 400 else "Try again in a minute."
        raise kind(f"{self._api_url} refused {path}.", found=f"status {status}: {said}", hint=hint)


def _limited(response: Any) -> float | None:
    """Seconds until a limit on requests has passed; None where there is none.

    Source: "Rate limits for the REST API": 403 or 429, with `retry-after`, or with nothing remaining until a time; a
    secondary limit may have neither, and passes after a minute.
    """
    if response.status_code not in (403, 429):
        return None
    after, left, reset = (
        response.headers.get(name) for name in ("retry-after", "x-ratelimit-remaining", "x-ratelimit-reset")
    )
    if after is not None and after.isdecimal():
        return float(after)
    if left == "0" and reset is not None and reset.isdecimal():
        return max(float(reset) - time.time(), 1.0)
    return _LONGEST_WAIT_S if response.status_code == 429 or "rate limit" in _said(response) else None


def _json(response: Any) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise GithubFailed(
            f"{response.url.host} answered with something that is not GitHub's.", hint="Check GITHUB_API_URL."
        ) from None


def _said(response: Any) -> str:
    """GitHub's own sentence about a refusal, in one line."""
    try:
        message = response.json()["message"]
    except (ValueError, LookupError, TypeError):
        message = response.reason_phrase
    return redact(" ".join(str(message).split())[:200]) or "no reason given"
