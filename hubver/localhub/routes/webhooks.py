"""Setting up webhooks: a user's own, under `/api/settings/webhooks`."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from hubver.localhub.errors import HubError, bad_request, forbidden
from hubver.localhub.events.webhooks import Domain, Webhook
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route

_WATCHED = {"model", "dataset", "space", "user", "org"}


def listing(call: Call) -> Response:
    """List the caller's webhooks."""
    owner = _owner(call)
    return JSONResponse([webhook.facts() for webhook in call.hub.notices.webhooks.all() if webhook.owner == owner])


def create(call: Call) -> Response:
    """Set up a webhook."""
    owner, body = _owner(call), call.json()
    return _put(call, Webhook(id=secrets.token_hex(12), owner=owner, **_asked(body)))


def show(call: Call) -> Response:
    """Show one."""
    return JSONResponse({"webhook": _own(call).facts()})


def update(call: Call) -> Response:
    """Change what the body names, and keep the rest; the client sends an empty `watched` where it is told of none."""
    webhook, body = _own(call), call.json()
    if body.get("watched") == []:
        del body["watched"]
    kept = {key: value for key, value in webhook.facts().items() if key not in {"id", "disabled"}}
    return _put(call, replace(webhook, **_asked({**kept, **body})))


def enable(call: Call) -> Response:
    """Tell it of events again."""
    return _put(call, replace(_own(call), disabled=False))


def disable(call: Call) -> Response:
    """Tell it nothing for now."""
    return _put(call, replace(_own(call), disabled=True))


def delete(call: Call) -> Response:
    """Remove one."""
    call.hub.notices.webhooks.delete(_own(call))
    return Response()


def _owner(call: Call) -> str:
    """Name of the caller; fine-grained tokens are for repos, and not for what belongs to the user."""
    user = call.author()
    if user.role == "fineGrained":
        raise forbidden("This token may not manage webhooks")
    return user.name


def _put(call: Call, webhook: Webhook) -> Response:
    call.hub.notices.webhooks.put(webhook)
    return JSONResponse({"webhook": webhook.facts()})


def _own(call: Call) -> Webhook:
    owner, wanted = _owner(call), call.param("id")
    for webhook in call.hub.notices.webhooks.all():
        if (webhook.id, webhook.owner) == (wanted, owner):
            return webhook
    raise HubError(404, f"No webhook {wanted}")


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a webhook that users choose, checked."""
    url, secret, domains = body.get("url"), body.get("secret"), body.get("domains", list(get_args(Domain)))
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise bad_request("`url` must be an http or https address; jobs do not run on this Hub")
    if secret is not None and not (isinstance(secret, str) and secret.isascii() and secret.isprintable()):
        raise bad_request("`secret` must be a text that fits in a header")
    if not isinstance(domains, list) or not set(domains) <= set(get_args(Domain)):
        raise bad_request(f"`domains` must be a list of {', '.join(get_args(Domain))}")
    watched = body.get("watched")
    if not isinstance(watched, list) or not watched or not all(_is_watchable(item) for item in watched):
        raise bad_request(f"`watched` must list objects with `name` and a `type` of {', '.join(sorted(_WATCHED))}")
    watched = [{"type": item["type"], "name": item["name"]} for item in watched]
    return {"url": url, "secret": secret, "domains": domains, "watched": watched}


def _is_watchable(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") in _WATCHED and isinstance(item.get("name"), str)


_ALL = "/api/settings/webhooks"
ROUTES: list[Route] = [
    route(_ALL, listing),
    route(_ALL, create, "POST"),
    route(_ALL + "/{id}", show),
    route(_ALL + "/{id}", update, "POST"),
    route(_ALL + "/{id}", delete, "DELETE"),
    route(_ALL + "/{id}/enable", enable, "POST"),
    route(_ALL + "/{id}/disable", disable, "POST"),
]
