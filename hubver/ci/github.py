"""GitHub's REST API, as far as hubver speaks it: dispatch an event, set a commit's status, record a deployment.

Source of the endpoints: GitHub's REST API, version 2022-11-28.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.ci.rest import Rest, Unprocessable
from hubver.errors import GithubFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal

    from pydantic import SecretStr

    from hubver.ci_settings import GithubSettings

_DESCRIPTION = 140
# What tells our deployments from those that GitHub makes for the jobs of an environment.
_TASK = "hubver"


@dataclass(frozen=True)
class CommitStatus:
    """A mark on a commit.

    Attributes:
        context: which mark: a newer one of the same context takes its place.
        description: cut to 140 characters.
        url: the page behind it.
    """

    state: Literal["error", "failure", "pending", "success"]
    context: str
    description: str
    url: str | None


@dataclass(frozen=True)
class Deployment:
    """What runs in an environment now.

    Attributes:
        sha: the commit of the workflow's repository that deployed it.
        environment: GitHub's name of it.
        payload: tells it from others: the same is not recorded twice.
        description: cut to 140 characters.
        url: where what runs can be seen.
        log_url: the page of the run.
        production: whether users see it.
    """

    sha: str
    environment: str
    payload: Mapping[str, str]
    description: str
    url: str
    log_url: str | None
    production: bool


class Github:
    """GitHub, as the owner of one token.

    Args:
        api_url: the API's address, without a final slash.
        token: sent as a bearer token.
        pause: waits so many seconds.
    """

    def __init__(self, api_url: str, token: SecretStr | None, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._ask = Rest(api_url, token, pause).ask

    @classmethod
    def of(cls, settings: GithubSettings) -> Github:
        """GitHub, as the environment names it."""
        return cls(settings.api_url, settings.token)

    def dispatch(self, repository: str, event: str, payload: Mapping[str, str | int]) -> None:
        """Start the workflows that wait for an event: `POST /repos/OWNER/REPO/dispatches`.

        After a lost answer it is not sent again: it may have arrived.

        Args:
            repository: `OWNER/REPO`.
            event: the event's type, at most 100 characters.
            payload: at most 10 names.

        Raises:
            BadToken: there is no token, or it may not do this.
            NotFound: no such repository, or the token may not see it.
            GithubFailed: anything else.
        """
        body = {"event_type": event, "client_payload": dict(payload)}
        self._ask("POST", f"/repos/{repository}/dispatches", body, again=False)

    def set_status(self, repository: str, shas: Sequence[str], status: CommitStatus) -> str:
        """Mark the first of some commits that the repository has: `POST /repos/OWNER/REPO/statuses/SHA`.

        Args:
            repository: `OWNER/REPO`.
            shas: one or more.
            status: the mark.

        Returns:
            The commit.

        Raises:
            BadToken, NotFound, GithubFailed: see `dispatch`; it has none of the commits.
        """
        body = {
            "state": status.state,
            "context": status.context,
            "description": _short(status.description),
            **({"target_url": status.url} if status.url else {}),
        }
        *others, last = dict.fromkeys(shas)
        for sha in others:
            with suppress(Unprocessable):  # GitHub's answer where it has no such commit
                self._ask("POST", f"/repos/{repository}/statuses/{sha}", body)
                return sha
        self._ask("POST", f"/repos/{repository}/statuses/{last}", body)
        return last

    def deploy(self, repository: str, deployment: Deployment) -> int:
        """Record that something runs in an environment, in the place of what ran there.

        One that was recorded before, by a former attempt or with a lost answer, is not recorded again.

        Returns:
            The number of the record.

        Raises:
            BadToken, NotFound, GithubFailed: see `dispatch`.
        """
        number = self._recorded(repository, deployment) or self._record(repository, deployment)
        status = {
            "state": "success",
            "environment": deployment.environment,
            "environment_url": deployment.url,
            "description": _short(deployment.description),
            "auto_inactive": True,
            **({"log_url": deployment.log_url} if deployment.log_url else {}),
        }
        self._ask("POST", f"/repos/{repository}/deployments/{number}/statuses", status)
        return number

    def _record(self, repository: str, deployment: Deployment) -> int:
        body = {
            "ref": deployment.sha,
            "task": _TASK,
            "auto_merge": False,
            # The commit's checks say nothing about the model, and a failed one would keep it from being recorded.
            "required_contexts": [],
            "payload": dict(deployment.payload),
            "environment": deployment.environment,
            "description": _short(deployment.description),
            "production_environment": deployment.production,
        }
        try:
            return _number(self._ask("POST", f"/repos/{repository}/deployments", body, again=False))
        except GithubFailed:
            # A lost answer is not a failure.
            number = self._recorded(repository, deployment)
            if number is None:
                raise
            return number

    def _recorded(self, repository: str, deployment: Deployment) -> int | None:
        """The number of the record that has been made already: among the newest thirty of the commit."""
        asked = {"sha": deployment.sha, "environment": deployment.environment, "task": _TASK}
        listed = self._ask("GET", f"/repos/{repository}/deployments", params=asked)
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and _payload(one.get("payload")) == dict(deployment.payload):
                return _number(one)
        return None


def _payload(value: object) -> object:
    """A payload as it was sent: GitHub gives it as an object, or as the JSON of one."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _number(value: Any) -> int:
    try:
        return int(value["id"])
    except (LookupError, TypeError, ValueError):
        raise GithubFailed("GitHub's record of a deployment has no number.", hint="Check GITHUB_API_URL.") from None


def _short(text: str) -> str:
    return text if len(text) <= _DESCRIPTION else f"{text[: _DESCRIPTION - 1]}…"
