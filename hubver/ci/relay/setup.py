"""What a relay needs to begin with: the models and whose workflows judge them, the secret, and the tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubver.ci_settings import checked_repository
from hubver.errors import BadInput, BadSettings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

# It is all that keeps strangers out, and an HTTP header carries it.
_SECRET = re.compile(r"[!-~]{16,}")
_MAKE_ONE = "Make one with: openssl rand -hex 32; the webhook on the Hub gets the same."


def routes(models: Sequence[str], github: str | None) -> dict[str, str]:
    """Which model's candidates are judged by whose workflow.

    Args:
        models: `ORG/NAME`, or `ORG/NAME=OWNER/REPO`.
        github: `OWNER/REPO` for those that name none.

    Returns:
        `ORG/NAME` → `OWNER/REPO`.

    Raises:
        BadInput: there is no model, or one of them names no repository, or two.
    """
    if not models:
        raise BadInput("No model is to be watched.", hint="Name one: hubver relay --model ORG/NAME=OWNER/REPO")
    found: dict[str, str] = {}
    for text in models:
        name, _, chosen = text.partition("=")
        repo_id = Target.repo(name)
        wanted = chosen or github
        if wanted is None:
            raise BadInput(
                f"It is not known which repository on GitHub judges {repo_id}.",
                hint=f"Name it: --model {repo_id}=OWNER/REPO, or set github under [ci] in hubver.toml",
            )
        try:
            checked_repository(wanted)
        except ValueError as error:
            raise BadInput(f"{wanted!r} cannot be dispatched to: {error}.") from None
        if found.setdefault(repo_id, wanted) != wanted:
            raise BadInput(f"{repo_id} is given twice.", expected=found[repo_id], found=wanted)
    return found


def need_secret(secret: SecretStr | None) -> bytes:
    """The secret of the webhook, as it stands in a header.

    Raises:
        BadSettings: there is none, or it could be guessed.
    """
    if secret is None:
        raise BadSettings("HUBVER_WEBHOOK_SECRET is not set, so anybody could send events.", hint=_MAKE_ONE)
    if not _SECRET.fullmatch(secret.get_secret_value()):
        raise BadSettings(
            "HUBVER_WEBHOOK_SECRET cannot be used.",
            expected="at least 16 letters, digits and signs of ASCII, without spaces",
            hint=_MAKE_ONE,
        )
    return secret.get_secret_value().encode()
