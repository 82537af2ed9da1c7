"""What the environment tells `hubver relay`: the secret of the webhook, and, in a Job, the event that started it.

`settings.py` reads the environment and hands it to `RelaySettings.of`; nothing else looks there.
Source of the Job's variables: https://huggingface.co/docs/hub/jobs-webhooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, SecretStr

if TYPE_CHECKING:
    from collections.abc import Mapping


class RelaySettings(BaseModel):
    """What `hubver relay` is told.

    Attributes:
        secret: what the webhook was set up with, from `HUBVER_WEBHOOK_SECRET`.
        payload: the event that started this Job, as JSON (`WEBHOOK_PAYLOAD`). It may quote a private discussion.
        sent_secret: the secret of the webhook that started this Job (`WEBHOOK_SECRET`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: SecretStr | None = None
    payload: SecretStr | None = None
    sent_secret: SecretStr | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> dict[str, Any]:
        """The fields that an environment sets, for `Settings` to check."""
        return {field: value for field, variable in _VARIABLES.items() if (value := environ.get(variable, "").strip())}


_VARIABLES = {"secret": "HUBVER_WEBHOOK_SECRET", "payload": "WEBHOOK_PAYLOAD", "sent_secret": "WEBHOOK_SECRET"}
