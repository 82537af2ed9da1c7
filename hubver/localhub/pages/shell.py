"""What all pages have in common: templates, headers, the way errors look, and the files that go with them."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from hubver.localhub.errors import HubError
from hubver.localhub.pages.links import address, file_address
from hubver.localhub.repos.repository import PREFIXES
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import Route

    from hubver.localhub.accounts.users import User

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'nonce-{nonce}'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
}
# No namespace begins with a hyphen.
_ASSETS = {"style.css": "text/css", "copy.js": "text/javascript", "icon.svg": "image/svg+xml"}


def page_route(path: str, handler: Callable[[Call], Response], *methods: str) -> Route:
    """Serve a page; where the answer is no, a page says so to people, and JSON to programs."""

    def answer(call: Call) -> Response:
        try:
            return handler(call)
        except HubError as error:
            if not is_for_people(call.request):
                raise
            return refusal(call.request, error, call)

    return route(path, answer, *methods)


def respond(
    call: Call, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **facts: Any
) -> Response:
    """Fill a template with `facts`."""
    return _rendered(call.request, template, status, headers or {}, {"user": _reader(call), **facts})


def refusal(request: Request, error: HubError, call: Call | None = None) -> Response:
    """A page for people that says what is not there, or not to be seen, and what to do next."""
    headers = {**error.headers, **({"X-Error-Code": error.code} if error.code else {})}
    facts: dict[str, Any] = {"user": None, "error": error, "repo": None}
    if call:
        facts["user"] = _reader(call)
        with suppress(HubError):  # of a repo that the reader may not see, the page says nothing either
            facts["repo"] = (
                call.repo() if "namespace" in request.path_params and "name" in request.path_params else None
            )
    return _rendered(request, "refusal.html", error.status, headers, facts)


def is_for_people(request: Request) -> bool:
    """Whether it is a browser that asks, and not for what the API answers."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/api/")


def _rendered(request: Request, template: str, status: int, headers: dict[str, str], facts: dict[str, Any]) -> Response:
    nonce = secrets.token_urlsafe(16)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    here = "/" if request.url.path == "/login" else here
    html = _environment().get_template(template).render(nonce=nonce, here=here, host=request.url.netloc, **facts)
    policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
    # What git holds may be no Unicode text, and must not keep a page from being shown.
    return Response(html.encode("utf-8", "replace"), status, {**_HEADERS, **policy, **headers}, "text/html")


def _reader(call: Call) -> User | None:
    try:
        return call.user
    except HubError:
        return None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("hubver.localhub.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bytes": human_size, "time": time_element, "number": lambda n: f"{n:,}"}
    environment.globals |= {
        "address": address,
        "file_address": file_address,
        "asset": _asset_address,
        "kinds": [f"{kind}s" for kind in PREFIXES],
    }
    return environment


def human_size(size: int) -> str:
    """A number of bytes as people read it.

    >>> human_size(16_400_000)
    '16.4 MB'
    """
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.3g} {unit}"


def time_element(moment: int | str) -> Markup:
    """A moment (seconds since 1970, or ISO 8601) as a day, with the full time for who asks."""
    if isinstance(moment, str):
        when = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    else:
        when = datetime.fromtimestamp(max(0, min(moment, 2**37)), timezone.utc)
    full = when.strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(when.isoformat(), full, when.strftime("%-d %b %Y"))


@cache
def _asset(name: str) -> bytes:
    return (files("hubver.localhub.pages") / "assets" / name).read_bytes()


@cache
def _asset_address(name: str) -> str:
    return f"/-/{name}?v={hashlib.sha256(_asset(name)).hexdigest()[:12]}"


def asset(call: Call) -> Response:
    """Serve a file that goes with the pages."""
    name = call.param("asset")
    if name not in _ASSETS:
        raise HubError(404, f"There is no {name}")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(_asset(name), headers=headers, media_type=_ASSETS[name])
