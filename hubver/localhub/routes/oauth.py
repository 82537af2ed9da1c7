"""`/oauth/token`: RFC 8693 token exchange, for trusted publishers alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from hubver.localhub.accounts.exchange import LIFETIME_S, Refused
from hubver.localhub.errors import HubError
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a kind of token
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the same
_LONGEST = 64 * 2**10
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def token(call: Call) -> Response:
    """Exchange an id token for a token of this Hub."""
    try:
        asked = _parameters(call)
        access_token = call.hub.exchange.token_for(asked["resource"], asked["subject_token"])
    except Refused as error:
        facts = {"error_description": error.description}
        raise HubError(400, error.error, headers=_NO_STORE, facts=facts) from None
    answer = {"access_token": access_token, "token_type": "bearer", "expires_in": LIFETIME_S}
    return JSONResponse({**answer, "issued_token_type": _ACCESS_TOKEN}, headers=_NO_STORE)


def _parameters(call: Call) -> dict[str, str]:
    """The parameters, as the JSON of the Hub's documentation or as the form of the RFC."""
    body = call.body.read(_LONGEST + 1)
    if len(body) > _LONGEST:
        raise Refused("invalid_request", "The request is too long")
    try:
        if call.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            pairs = parse_qsl(body.decode(), strict_parsing=True)
        else:
            pairs = json.loads(body, object_pairs_hook=list)
        asked = dict(pairs)
    except (ValueError, TypeError, RecursionError):
        raise Refused("invalid_request", "The request is neither a JSON object nor a form") from None
    if len(asked) != len(pairs):
        raise Refused("invalid_request", "A parameter is given twice")
    for name in ("grant_type", "subject_token_type", "subject_token", "resource"):
        if not isinstance(asked.get(name), str) or not asked[name]:
            raise Refused("invalid_request", f"`{name}` is missing or not a text")
    if asked["grant_type"] != _GRANT:
        raise Refused("unsupported_grant_type", f"This Hub knows only the grant type {_GRANT}")
    if asked["subject_token_type"] != _ID_TOKEN:
        raise Refused("invalid_request", f"`subject_token_type` must be {_ID_TOKEN}")
    return asked


ROUTES: list[Route] = [route("/oauth/token", token, "POST")]
