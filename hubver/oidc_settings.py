"""How a CI job may prove who it is, in the place of a token that is kept somewhere.

`settings.py` reads the environment and hands it to `OidcSettings.of`; nothing else looks there.
Source of the variables: "Trusted Publishers" in the Hub's documentation (`HF_OIDC_*`), and "OpenID Connect" in GitHub's
documentation of Actions (`ACTIONS_ID_TOKEN_REQUEST_*`, which a job has by the permission `id-token: write` alone).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

_RESOURCE = re.compile(r"(?:(?:datasets|spaces|kernels|buckets)/)?[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
_TOKEN = re.compile(r"[!-~]+")


class OidcSettings(BaseModel):
    """What a job was given to be trusted by.

    Attributes:
        resource: what it asks a token for, from `HF_OIDC_RESOURCE`: a repository, or a user's name.
        id_token: one that the job brings itself, from `HF_OIDC_ID_TOKEN`, as on GitLab.
        request_url: where GitHub mints one, and `request_token`, which it is asked with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: str
    id_token: SecretStr | None = None
    request_url: str | None = None
    request_token: SecretStr | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> dict[str, Any] | None:
        """The fields that an environment sets, for `Settings` to check; None where no token is to be asked for."""
        values = {
            field: value for field, variable in _VARIABLES.items() if (value := environ.get(variable, "").strip())
        }
        return values if "resource" in values else None

    @field_validator("resource")
    @classmethod
    def _must_be_a_resource(cls, value: str) -> str:
        if not _RESOURCE.fullmatch(value):
            raise ValueError("it is no repository such as ORG/NAME, and no user")
        return value

    @field_validator("request_url")
    @classmethod
    def _must_be_an_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://none")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is no address")
        return value

    @field_validator("id_token", "request_token")
    @classmethod
    def _must_be_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        # It becomes a header, and a client that refuses it would quote it.
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("it holds a space, a line break or a letter that no token has")
        return value


_VARIABLES = {
    "resource": "HF_OIDC_RESOURCE",
    "id_token": "HF_OIDC_ID_TOKEN",
    "request_url": "ACTIONS_ID_TOKEN_REQUEST_URL",
    "request_token": "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
}
