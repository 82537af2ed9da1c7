"""Id tokens of CI providers: JSON Web Tokens, of which nothing is believed before the issuer's signature is checked.

The rules are those of RFC 7519 and of OpenID Connect Core 1.0, section 3.1.3.7; the pitfalls those of RFC 8725.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Each key works with the one algorithm that is its own, whatever a token's header says.
_ALGORITHMS = {"RS256", "ES256"}
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]


class InvalidIdToken(Exception):
    """An id token that proves nothing; the text says why, and holds nothing of the token."""


class IdTokens:
    """Reads id tokens.

    Args:
        issuers: the JSON Web Key Set of each issuer that is trusted.
        audience: for whom the tokens must be: the address of this Hub.
        clock: seconds since 1970.

    Raises:
        BadInput: an issuer has no key that can be used.
    """

    def __init__(self, issuers: Mapping[str, Mapping[str, Any]], audience: str, clock: Callable[[], float]) -> None:
        self._keys = {issuer: _usable_keys(issuer, key_set) for issuer, key_set in issuers.items()}
        self._audience = audience
        self._clock = clock

    def read(self, token: str) -> dict[str, Any]:
        """Answer what a token claims.

        Raises:
            InvalidIdToken: it is not whole, not of a trusted issuer, not for this Hub or not valid now.
        """
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except jwt.InvalidTokenError:
            raise InvalidIdToken("The id token is malformed") from None
        keys = self._keys.get(issuer, []) if isinstance(issuer, str) else []
        if not keys:
            raise InvalidIdToken("The issuer of the id token is not trusted")
        claims = self._verified(token, _named(keys, header.get("kid")))
        self._check_times(claims)
        return claims

    def _verified(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        # The times are checked by this Hub's own clock.
        options: jwt.types.Options = {
            "require": _REQUIRED,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        try:
            return jwt.decode(token, key, [key.algorithm_name], options, audience=self._audience)
        except jwt.InvalidAudienceError:
            reason = f"The audience of the id token is not {self._audience}"
        except jwt.MissingRequiredClaimError as error:
            reason = f"The id token does not claim {error.claim!r}"
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            reason = "The signature of the id token is not its issuer's"
        except jwt.InvalidTokenError:
            reason = "The id token is malformed"
        raise InvalidIdToken(reason)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
        if not all(isinstance(time, (int, float)) and not isinstance(time, bool) for time in times.values()):
            raise InvalidIdToken("The times of the id token are not numbers")
        if times["exp"] <= now:
            raise InvalidIdToken("The id token has expired")
        if max(times["iat"], times.get("nbf", 0)) > now:
            raise InvalidIdToken("The id token is not valid yet")


def _usable_keys(issuer: str, key_set: Mapping[str, Any]) -> list[jwt.PyJWK]:
    try:
        known = jwt.PyJWKSet.from_dict(dict(key_set)).keys
    except (jwt.PyJWTError, TypeError, AttributeError):
        known = []
    usable = [key for key in known if key.algorithm_name in _ALGORITHMS and key.public_key_use in {None, "sig"}]
    if not usable:
        raise BadInput(
            f"The issuer {issuer} has no key that can be used",
            hint=f"Give the JSON Web Key Set that it publishes, with a key for {' or '.join(sorted(_ALGORITHMS))}",
        )
    return usable


def _named(keys: list[jwt.PyJWK], name: object) -> jwt.PyJWK:
    """The key that a token is signed with; it need not name the only one of its issuer."""
    named = keys if name is None else [key for key in keys if key.key_id == name]
    if len(named) != 1:
        raise InvalidIdToken("The id token names no key of its issuer")
    return named[0]
