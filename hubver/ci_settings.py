"""The table `[ci]`, and what GitHub tells the jobs that it runs.

`settings.py` reads the environment and hands it to `GithubSettings.of`; nothing else looks there.
Source of the variables: "Default environment variables" in GitHub's documentation of workflows.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

# An account's name has letters, digits and hyphens, and '_' where an enterprise manages it; a repository's has '.' besides.
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_SHA = re.compile(r"[0-9a-f]{40}")
_TOKEN = re.compile(r"[!-~]+")


class CiSettings(BaseModel):
    """The table `[ci]` of `hubver.toml`.

    Attributes:
        github: `OWNER/REPO`, the GitHub repository whose workflow judges what is pushed with `--pr`; None for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    github: str | None = None

    @field_validator("github")
    @classmethod
    def _must_be_a_repository(cls, value: str | None) -> str | None:
        return None if value is None else checked_repository(value)


class GithubSettings(BaseModel):
    """What GitHub tells a job; all of it is None where no job of GitHub runs.

    Attributes:
        api_url: the address of the REST API, without a final slash. From the environment alone, like the Hub's: it says
            where the token is sent.
        server_url: the address of the pages.
        token: for the REST API: `HUBVER_GITHUB_TOKEN`, else `GITHUB_TOKEN`.
        repository: `OWNER/REPO` of the workflow's repository.
        sha: the commit that the workflow runs on.
        event_name: what started the run, such as `schedule`.
        event_path: the file with the event's payload, as JSON.
        output: the file that takes the step's outputs.
        step_summary: the file that takes the step's summary, as Markdown.
        actions: whether the process is a step of a job of GitHub, which reads annotations from its output.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_url: str = "https://api.github.com"
    server_url: str = "https://github.com"
    token: SecretStr | None = None
    repository: str | None = None
    sha: str | None = None
    event_name: str | None = None
    event_path: Path | None = None
    output: Path | None = None
    step_summary: Path | None = None
    actions: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> dict[str, Any]:
        """The fields that an environment sets, for `Settings` to check."""
        values: dict[str, Any] = {
            field: value for field, variable in _VARIABLES.items() if (value := environ.get(variable, "").strip())
        }
        token = environ.get("HUBVER_GITHUB_TOKEN", "").strip() or environ.get("GITHUB_TOKEN", "").strip()
        return {**values, **({"token": token} if token else {}), "actions": environ.get("GITHUB_ACTIONS") == "true"}

    @field_validator("api_url", "server_url")
    @classmethod
    def _must_be_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError("it is no address such as https://api.github.com")
        return value.rstrip("/")

    @field_validator("repository")
    @classmethod
    def _must_be_a_repository(cls, value: str | None) -> str | None:
        return None if value is None else checked_repository(value)

    @field_validator("sha")
    @classmethod
    def _must_be_a_sha(cls, value: str | None) -> str | None:
        if value is not None and not _SHA.fullmatch(value):
            raise ValueError("it is no commit's sha")
        return value

    @field_validator("token")
    @classmethod
    def _must_be_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        # It becomes a header, and a client that refuses it would quote it.
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("it holds a space, a line break or a letter that no token has")
        return value


_VARIABLES = {
    "api_url": "GITHUB_API_URL",
    "server_url": "GITHUB_SERVER_URL",
    "repository": "GITHUB_REPOSITORY",
    "sha": "GITHUB_SHA",
    "event_name": "GITHUB_EVENT_NAME",
    "event_path": "GITHUB_EVENT_PATH",
    "output": "GITHUB_OUTPUT",
    "step_summary": "GITHUB_STEP_SUMMARY",
}


def checked_repository(value: str) -> str:
    """The name of a repository on GitHub.

    Raises:
        ValueError: it is none.
    """
    if not _REPOSITORY.fullmatch(value):
        raise ValueError("it is no repository on GitHub such as OWNER/REPO")
    return value
