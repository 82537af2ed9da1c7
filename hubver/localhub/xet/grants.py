"""Xet's tokens: what a client may do, in which repo and until when, signed by this process."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.localhub.repos.repository import Kind

LIFETIME_S = 900
"""How long tokens and download addresses work."""

Access = Literal["read", "write", "upload"]
_PREFIX = "xet_"


@dataclass(frozen=True)
class Grant:
    """What a token allows.

    Args:
        kind: of the repo.
        repo_id: the repo whose files are meant.
        access: `write` allows reading too; `upload` is for those who may bring files but not fetch any.
        expires: seconds since the epoch.
    """

    kind: Kind
    repo_id: str
    access: Access
    expires: int

    def token(self, sign: Callable[[str], str]) -> str:
        """Write the grant as a token."""
        claims = base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()
        return f"{_PREFIX}{claims}.{sign(_PREFIX + claims)}"


def read_token(token: str, is_signed: Callable[[str, str], bool]) -> Grant | None:
    """Answer what a token allows, whether or not it has expired; None if this process did not write it."""
    claims, _, signature = token.partition(".")
    if not is_signed(claims, signature):
        return None
    try:
        return Grant(**json.loads(base64.urlsafe_b64decode(claims.removeprefix(_PREFIX))))
    except (binascii.Error, ValueError, TypeError):
        return None
