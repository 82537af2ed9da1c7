"""Who am I, and may I: `/api/whoami-v2` and `auth-check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route

    from hubver.localhub.accounts.users import Grant, User


def whoami(call: Call) -> Response:
    """Describe the user whose token was sent."""
    user = call.caller()
    roles = {**dict.fromkeys(user.reads, "read"), **dict.fromkeys(user.orgs, "write")}
    orgs = [{"type": "org", **_names(user, org), "roleInOrg": role} for org, role in roles.items()]
    token: dict[str, Any] = {
        "displayName": user.origin or "localhub",
        "role": user.role,
        "createdAt": "2000-01-01T00:00:00.000Z",
    }
    if user.role == "fineGrained":
        token["fineGrained"] = {
            "global": list(user.scopes),
            "scoped": [_scope(user, *grant) for grant in user.grants.items()],
        }
    return JSONResponse(
        {
            "type": "user",
            **_names(user, user.name),
            "isPro": False,
            "canPay": False,
            "orgs": orgs,
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def _names(user: User, name: str) -> dict[str, str]:
    return {"id": name, "name": name, "fullname": user.full_names.get(name, name)}


def _scope(user: User, entity: str, grant: Grant) -> dict[str, Any]:
    """One line of what a fine-grained token may do."""
    permissions = ["repo.content.read", *(["repo.write", "discussion.write"] if grant == "write" else [])]
    prefix, slash, name = entity.partition("/")
    if not slash:
        kind, name = "user" if entity == user.name else "org", entity
    elif "/" in name:
        kind = prefix.removesuffix("s")
    else:
        kind, name = "model", entity
    return {"entity": {"_id": entity, "type": kind, "name": name}, "permissions": permissions}


def auth_check(call: Call) -> Response:
    """Answer whether the caller may read the repo's files (or write to it, with `/write`)."""
    if call.request.path_params.get("access") == "write":
        call.repo_to_write()
    else:
        call.repo_to_download()
    return Response()


ROUTES: list[Route] = [
    route("/api/whoami-v2", whoami),
    route("/api/{kinds}/{namespace}/{name}/auth-check", auth_check),
    route("/api/{kinds}/{namespace}/{name}/auth-check/{access}", auth_check),
]
