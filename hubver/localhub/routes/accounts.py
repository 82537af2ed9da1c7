"""Who am I, and may I: `/api/whoami-v2` and `auth-check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from hubver.localhub.call import Call, route
from hubver.localhub.errors import HubError

if TYPE_CHECKING:
    from starlette.routing import Route


def whoami(call: Call) -> Response:
    """Describe the user whose token was sent."""
    user = call.user
    if user is None:
        raise HubError(401, "Invalid username or password.")
    orgs = [{"type": "org", "id": org, "name": org, "fullname": org, "roleInOrg": user.role} for org in user.orgs]
    token = {"displayName": "localhub", "role": user.role, "createdAt": "2000-01-01T00:00:00.000Z"}
    return JSONResponse(
        {
            "type": "user",
            "id": user.name,
            "name": user.name,
            "fullname": user.name,
            "isPro": False,
            "canPay": False,
            "orgs": orgs,
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def auth_check(call: Call) -> Response:
    """Answer whether the caller may read the repo (or write to it, with `/write`)."""
    if call.request.path_params.get("access") == "write":
        call.repo_to_write()
    else:
        call.repo()
    return Response()


ROUTES: list[Route] = [
    route("/api/whoami-v2", whoami),
    route("/api/{kinds}/{namespace}/{name}/auth-check", auth_check),
    route("/api/{kinds}/{namespace}/{name}/auth-check/{access}", auth_check),
]
