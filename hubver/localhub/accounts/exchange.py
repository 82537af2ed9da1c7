"""The exchange of a CI job's id token for a token of this Hub that lasts an hour."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubver.localhub.accounts.id_tokens import IdTokens, InvalidIdToken
from hubver.localhub.accounts.users import User
from hubver.localhub.repos.repository import PREFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubver.localhub.accounts.publishers import Trust
    from hubver.localhub.accounts.users import Accounts
    from hubver.localhub.repos.repository import Kind
    from hubver.localhub.store import Store

LIFETIME_S = 3600
PUBLISHER = "[OIDC]"
"""Name of the user as whom all jobs publish."""

_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REPO = re.compile(rf"(?P<plural>(datasets|spaces|kernels|buckets)/)?{_PART}/{_PART}")
_USER = re.compile(_PART)


class Refused(Exception):
    """No token, as OAuth says it.

    Args:
        error: a code of RFC 6749, section 5.2.
        description: one sentence for people.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Exchange:
    """Gives out tokens.

    Args:
        trust: whom, and for what.
        id_tokens: reads what jobs show.
        store: the repos.
        accounts: the users, who get the tokens.
        used: which id tokens were shown before; None where that does not matter.
    """

    trust: Trust
    id_tokens: IdTokens
    store: Store
    accounts: Accounts
    used: UsedTokens | None

    def token_for(self, resource: str, id_token: str) -> str:
        """Answer a token for `resource`, which is good for `LIFETIME_S`.

        Raises:
            Refused: no publisher of the resource is the job that the id token describes.
        """
        name = self._present_name(resource)
        try:
            claims = self.id_tokens.read(id_token)
        except InvalidIdToken as error:
            raise Refused("invalid_grant", str(error)) from None
        if name is None:
            raise Refused("invalid_grant", f"Repo or user not found: {resource}")
        self._check_publisher(resource, name, claims)
        if self.used is not None and not self.used.add(claims["iss"], id_token, claims["exp"]):
            raise Refused("invalid_grant", "The id token was exchanged before")
        origin = f"{claims['iss']} {claims['sub']}"
        if "/" in name:
            namespace = name.split("/")[-2]
            user = User(PUBLISHER, (namespace,), "fineGrained", grants={name: "write"}, origin=origin)
            return self.accounts.lend(user, LIFETIME_S, "hf_jwt_")
        known = self.accounts.named(name) or User(name)
        user = replace(known, role="fineGrained", grants={}, scopes=("gated-repos",), origin=origin)
        return self.accounts.lend(user, LIFETIME_S, "hf_oauth_")

    def _present_name(self, resource: str) -> str | None:
        """What a repo is called now, also if `resource` is a name that it had before; the name of a user as it is.

        Raises:
            Refused: `resource` cannot be a name of either.
        """
        if _USER.fullmatch(resource):
            return resource if self.accounts.named(resource) else None
        if not (found := _REPO.fullmatch(resource)):
            raise Refused("invalid_request", "`resource` must be a repo or the name of a user")
        kinds: dict[str, Kind] = {prefix: kind for kind, prefix in PREFIXES.items()}
        prefix = found["plural"] or ""
        repo = self.store.get(kinds[prefix], resource.removeprefix(prefix)) if prefix in kinds else None
        return repo.url_path if repo else None

    def _check_publisher(self, resource: str, name: str, claims: Mapping[str, Any]) -> None:
        candidates = [
            publisher
            for publisher in self.trust.publishers
            if publisher.issuer == claims["iss"] and self._present_name(publisher.resource) == name
        ]
        if not candidates:
            raise Refused("invalid_grant", f"{resource} trusts no publisher of this issuer")
        unmet = [publisher.unmet(claims) for publisher in candidates]
        if all(unmet):
            names = ", ".join(sorted({claim for claims in unmet for claim in claims}))
            raise Refused("invalid_grant", f"The id token is of no trusted publisher of {resource}; see {names}")


class UsedTokens:
    """Remembers which id tokens were exchanged, as long as they are valid.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[bytes, float] = {}

    def add(self, issuer: str, token: str, end: float) -> bool:
        """Remember a token until its `end`, and say whether it is new."""
        # What is signed, without the signature: of one content there can be many that are right.
        key = hashlib.sha256(f"{issuer} {token.rpartition('.')[0]}".encode()).digest()
        with self._lock:
            self._ends = {known: end for known, end in self._ends.items() if end > self._clock()}
            if key in self._ends:
                return False
            self._ends[key] = end
            return True
