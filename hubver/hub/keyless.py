"""Tokens that nobody keeps: a CI job shows who it is, and gets one for one repository that lasts an hour.

The id token is asked of GitHub (or brought by the job), shown to the Hub, and exchanged (RFC 8693) for a token that may
write to exactly that repository. It lives in this process alone: it is in no file and no log.
Nor is a runner told to mask it: workflows stop commands where other people's text may be printed, and a command that is not
obeyed is a line of the log.

Source: "Trusted Publishers" in the Hub's documentation (the exchange, its answers, `[OIDC]`), "OpenID Connect reference" in
GitHub's (the request, the claims). huggingface_hub does the same for the one resource that its environment names; here a
repository that production lives in by itself gets a token of its own.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import SecretStr

from hubver.errors import BadToken, HubFailed, HubUnreachable
from hubver.hub.answers import PASSING_STATUSES, reason
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubver.oidc_settings import OidcSettings
    from hubver.settings import Settings

ACCOUNT = "[OIDC]"
"""As whom the Hub shows what such a token writes."""

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a name, no secret
_LIFETIME_S = 3600.0
_TRIES = 3
_TIMEOUT_S = 30.0
_PAUSE_S = 0.3
_AGAIN_S = 60.0
# Of GitHub, what a trusted publisher can be told by; of others, who they say they are.
_CLAIMS = ("repository", "ref", "ref_type", "workflow_ref", "environment", "project_path", "sub", "aud", "iss")
_BRANCH = "refs/heads/"


def source(settings: Settings, repo_id: str | None) -> Keyless | None:
    """What gives tokens for a repository; None where a token that is kept is to be used, or none.

    As huggingface_hub has it, `HF_OIDC_RESOURCE` goes before `HF_TOKEN` for what it names. For other repositories that
    channels live in, `HUBVER_PRODUCTION_TOKEN` goes before a token of their own.

    Args:
        repo_id: what is to be read or written; None for whatever else.
    """
    job = settings.oidc
    if job is None:
        return None
    if repo_id == job.resource or (repo_id in settings.own_repos and settings.production_token is None):
        return _keyless(settings.endpoint, str(repo_id), job)
    if "/" not in job.resource and settings.token is None:  # a user's, which reads what is gated
        return _keyless(settings.endpoint, job.resource, job)
    return None


@cache
def _keyless(endpoint: str, resource: str, job: OidcSettings) -> Keyless:
    """One for all that a process does with a resource, so that a token is exchanged once."""
    return Keyless(endpoint, resource, job)


class Keyless:
    """Gives tokens for one resource, each as long as it is good. For any number of threads.

    Args:
        endpoint: the Hub's address, which is also the audience that id tokens are made for.
        resource: a repository, or a user's name.
        job: how this job proves who it is.
        clock: seconds of a monotonic clock.
    """

    def __init__(
        self, endpoint: str, resource: str, job: OidcSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.endpoint = endpoint
        self.resource = resource
        self._job = job
        self._clock = clock
        self._lock = threading.Lock()
        self._token: SecretStr | None = None
        self._renew = self._end = 0.0

    def token(self) -> SecretStr:
        """A token that is good for half an hour at least, if the Hub's last an hour: what takes long begins with it.

        Where it cannot be renewed, the former one is used to its end.

        Raises:
            BadToken: the job has no id token, or the Hub does not trust it with this resource.
            HubUnreachable, HubFailed: GitHub or the Hub did not answer as they should.
        """
        with self._lock:
            now = self._clock()
            if self._token is None or now >= self._renew:
                try:
                    self._token, lifetime = self._exchanged()
                except (BadToken, HubFailed):
                    if self._token is None or now >= self._end:
                        raise
                    self._renew = now + _AGAIN_S
                else:
                    self._renew, self._end = now + lifetime / 2, now + lifetime
            return self._token

    def _exchanged(self) -> tuple[SecretStr, float]:
        id_token = self._job.id_token or self._minted()
        asked = {
            "grant_type": _GRANT,
            "subject_token_type": _ID_TOKEN,
            "subject_token": id_token.get_secret_value(),
            "resource": self.resource,
        }
        status, answer = _ask("POST", f"{self.endpoint}/oauth/token", self.endpoint, json=asked)
        if status != 200:
            raise self._refused(status, answer, id_token)
        token, lifetime = answer.get("access_token"), answer.get("expires_in", _LIFETIME_S)
        if not isinstance(token, str) or not token or not isinstance(lifetime, int | float):
            raise HubFailed(
                f"{self.endpoint} exchanged an id token for something that is no token.",
                hint="Check that HF_ENDPOINT is the address of a Hub.",
            )
        return SecretStr(token), float(lifetime)

    def _minted(self) -> SecretStr:
        """An id token of this job, by GitHub."""
        job = self._job
        if job.request_url is None or job.request_token is None:
            raise BadToken(
                f"There is no token for {self.resource}: HF_OIDC_RESOURCE is set, but this job has no id token to show.",
                expected="on GitHub the permission `id-token: write`, elsewhere HF_OIDC_ID_TOKEN",
                hint="Give the job that permission; or set HF_TOKEN, and HF_OIDC_RESOURCE to nothing.",
            )
        status, answer = _ask(
            "GET",
            f"{job.request_url}{'&' if '?' in job.request_url else '?'}audience={quote(self.endpoint, safe='')}",
            "GitHub's service for id tokens",
            headers={"Authorization": f"Bearer {job.request_token.get_secret_value()}"},
        )
        value = answer.get("value")
        if status != 200 or not isinstance(value, str) or not value:
            raise HubFailed(
                "GitHub gave this job no id token.", found=f"status {status}", hint="Run the same job again."
            )
        return SecretStr(value)

    def _refused(self, status: int, answer: Mapping[str, Any], id_token: SecretStr) -> BadToken | HubFailed:
        said = ": ".join(redact(str(answer[name])) for name in ("error", "error_description") if answer.get(name))
        if status not in (400, 401, 403):
            return HubFailed(
                f"{self.endpoint} failed to exchange an id token for {self.resource}.",
                found=f"status {status}{f', {said}' if said else ''}",
                hint="Run the same command again.",
            )
        where = "settings/authentication" if "/" not in self.resource else f"{self.resource}/settings"
        return BadToken(
            f"{self.endpoint} gives this job no token for {self.resource}: {said or f'status {status}'}.",
            expected=f"a trusted publisher of {self.resource} that claims what this job does",
            found=_claims(id_token),
            hint=f"Add it under Trusted Publishers at {self.endpoint}/{where} (`hubver init` says what to enter).",
        )


def _ask(method: str, url: str, who: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """One exchange, its status and its JSON; tried again where nothing was decided.

    No redirect is followed: it would take what proves who the job is to another address.

    Raises:
        HubUnreachable: there is no answer.
    """
    from huggingface_hub import errors
    from huggingface_hub.utils import get_session

    for attempt in range(1, _TRIES + 1):
        try:
            response = get_session().request(method, url, timeout=_TIMEOUT_S, follow_redirects=False, **more)
        except errors.HTTPError as error:
            if attempt == _TRIES:
                raise HubUnreachable(
                    f"{who} did not answer.", found=reason(error), hint="Run the same command again."
                ) from None  # what was sent holds secrets
        else:
            if response.status_code not in PASSING_STATUSES or attempt == _TRIES:
                return response.status_code, _object(response.content)
        time.sleep(_PAUSE_S * 2**attempt)
    raise AssertionError("unreachable: the last try returns or raises")


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _claims(id_token: SecretStr) -> str:
    """What an id token says of its job, by the names that a publisher's claims have on the Hub. It is not checked here."""
    try:
        body = id_token.get_secret_value().split(".")[1]
        claims = _object(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, IndexError):
        return "an id token that cannot be read"
    said = {name: str(claims[name]) for name in _CLAIMS if isinstance(claims.get(name), str)}
    if said.get("ref", "").startswith(_BRANCH):
        said["branch"] = said.pop("ref").removeprefix(_BRANCH)
    if "workflow_ref" in said:
        said["workflow"] = said.pop("workflow_ref").partition("@")[0].rpartition("/")[2]
    return ", ".join(f"{name}={value}" for name, value in said.items()) or "an id token without claims"
