"""Signing in with a token, and out again: the only things that a page changes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response

from hubver.localhub.errors import HubError, forbidden
from hubver.localhub.pages.shell import respond

if TYPE_CHECKING:
    from hubver.localhub.web.call import Call

_LONGEST_FORM = 10_000


def form(call: Call) -> Response:
    """Ask for a token."""
    return respond(call, "login.html", after=_inside(call.query("next")), problem=None)


def sign_in(call: Call) -> Response:
    """Open a session for the token sent, and go where the person was."""
    fields = _fields(call)
    token, after = fields.get("token", "").strip(), _inside(fields.get("next"))
    try:
        known = call.hub.accounts.authenticate(f"Bearer {token}") if token else None
    except HubError:
        known = None
    if known is None:
        return respond(call, "login.html", status=401, after=after, problem="Nobody on this Hub has that token.")
    answer = RedirectResponse(after, 303)
    sessions, secure = call.hub.sessions, call.request.url.scheme == "https"
    sessions.end(call.request.cookies.get(sessions.cookie))
    answer.set_cookie(sessions.cookie, sessions.start(token), httponly=True, samesite="strict", secure=secure)
    return answer


def sign_out(call: Call) -> Response:
    """End the session."""
    _fields(call)
    sessions = call.hub.sessions
    sessions.end(call.request.cookies.get(sessions.cookie))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(sessions.cookie, httponly=True, samesite="strict")
    return answer


def _fields(call: Call) -> dict[str, str]:
    """The form that one of this Hub's own pages sent.

    Raises:
        HubError: 403 if another site had the browser send it, 413 if it is too long.
    """
    if call.request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise forbidden("Another site may not sign you in or out")
    content = call.body.read(_LONGEST_FORM + 1)
    if len(content) > _LONGEST_FORM:
        raise HubError(413, "Payload Too Large")
    return {key: values[0] for key, values in parse_qs(content.decode("utf-8", "replace")).items()}


def _inside(place: str | None) -> str:
    """The address to go to afterwards, if it is on this Hub, and else its first page."""
    plain = place and place.startswith("/") and not place.startswith("//") and place.isascii() and place.isprintable()
    return place if place and plain and "\\" not in place else "/"
