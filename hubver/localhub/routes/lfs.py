"""Large files by the Git LFS batch protocol, in one piece or in the Hub's `multipart` transfer.

Upload and download addresses carry a signature, as object storage has it: clients send no token there. All repos share
the objects, and `holdings` knows which repo has which.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubver.localhub.errors import HubError, bad_request
from hubver.localhub.large.holdings import Holdings, may_use
from hubver.localhub.large.pointers import Pointer
from hubver.localhub.routes.content import serve_large
from hubver.localhub.routes.xet import connection
from hubver.localhub.web.bodies import drain
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubver.localhub.hub import Hub
    from hubver.localhub.repos.repository import Repository

Transfer = Literal["basic", "multipart", "xet"]

_MEDIA = "application/vnd.git-lfs+json"
_OID = re.compile(r"[0-9a-f]{64}")


def batch(call: Call) -> Response:
    """Tell where each object is to be uploaded to or downloaded from; one that is here needs no upload."""
    body = call.json()
    uploading = body.get("operation") == "upload"
    if uploading:
        repo = call.repo()
        # Anyone with a token may upload, because a pull request needs no rights in the repo.
        call.author()
    else:
        repo = call.repo_to_download()
    if body.get("hash_algo", "sha256") not in {"sha256", "sha_256"}:
        raise bad_request("Only sha256 is supported")
    pointers = _objects(body)
    transfer = _transfer(call, body, pointers) if uploading else "basic"
    objects = [_answer(call, repo, pointer, uploading=uploading, transfer=transfer) for pointer in pointers]
    return JSONResponse({"transfer": transfer, "objects": objects, "hash_algo": "sha256"}, media_type=_MEDIA)


def _transfer(call: Call, body: dict[str, Any], pointers: list[Pointer]) -> Transfer:
    """How objects are uploaded: by Xet where the client can, as the JavaScript client and git-xet do, and else by LFS."""
    offered = body.get("transfers") or []
    if "xet" in offered and call.hub.xet:
        return "xet"
    large = any(pointer.size > call.hub.lfs_part_size for pointer in pointers)
    return "multipart" if "multipart" in offered and large else "basic"


def _objects(body: dict[str, Any]) -> list[Pointer]:
    try:
        pointers = [Pointer(item["oid"], int(item["size"])) for item in body["objects"]]
    except (KeyError, TypeError, ValueError):
        raise bad_request("`objects` must be a list of objects with `oid` and `size`") from None
    if not all(_OID.fullmatch(pointer.oid) and pointer.size >= 0 for pointer in pointers):
        raise bad_request("Each `oid` must be a sha256 in hex")
    return pointers


def _answer(call: Call, repo: Repository, pointer: Pointer, *, uploading: bool, transfer: Transfer) -> dict[str, Any]:
    answer: dict[str, Any] = {"oid": pointer.oid, "size": pointer.size, "authenticated": True}
    store = call.hub.store
    here = store.lfs.size(pointer.oid) == pointer.size and may_use(store, repo, call.user, pointer.oid)
    if uploading and not here:
        answer["actions"] = _upload_actions(call, repo, pointer, transfer)
    elif not uploading and here:
        cdn = call.hub.cdn
        href = cdn.address(call, pointer, pointer.oid) if cdn else _signed(call, repo, "download", pointer)
        answer["actions"] = {"download": {"href": href}}
    elif not uploading:
        answer["error"] = {"code": 404, "message": "Object does not exist"}
    return answer


def _upload_actions(call: Call, repo: Repository, pointer: Pointer, transfer: Transfer) -> dict[str, Any]:
    if transfer == "xet":
        about = repo.description
        # Where the client gets another token when this one expires; a pull request may be what it is for.
        href = call.url(f"api/{about.kind}s/{about.id}/xet-write-token/main?create_pr=1")
        return {"upload": {"href": href, "header": connection(call, repo, "write")}}
    verify = {"href": _signed(call, repo, "verify", pointer)}
    size = call.hub.lfs_part_size
    if transfer == "basic" or pointer.size <= size:
        return {"upload": {"href": _signed(call, repo, "object", pointer)}, "verify": verify}
    header = {"chunk_size": str(size)}
    for number in range(1, _parts(call.hub, pointer) + 1):
        header[f"{number:05}"] = _signed(call, repo, f"part/{number}", pointer)
    return {"upload": {"href": _signed(call, repo, "complete", pointer), "header": header}, "verify": verify}


def _parts(hub: Hub, pointer: Pointer) -> int:
    return -(-pointer.size // hub.lfs_part_size)


def _signed(call: Call, repo: Repository, what: str, pointer: Pointer) -> str:
    path = f"lfs/{repo.description.kind}/{repo.description.id}/{pointer.oid}/{pointer.size}/{what}"
    return call.url(f"{path}?signature={call.hub.sign(path)}")


def _authorised(hub: Hub, request: Request) -> Pointer:
    """Answer the object that a signed address is about.

    Raises:
        HubError: 403 if the signature is not this process's.
    """
    if not hub.is_signed(request.scope["path"].lstrip("/"), request.query_params.get("signature", "")):
        raise HubError(403, "The address is not signed, or was signed before the Hub was restarted")
    return Pointer(request.path_params["oid"], int(request.path_params["size"]))


async def upload_object(request: Request) -> Response:
    """Take an object in one piece, and keep it if it has the sha256 and size that it was announced with."""
    hub: Hub = request.app.state.hub
    pointer = _authorised(hub, request)
    upload = await run_in_threadpool(hub.store.lfs.upload, pointer.oid)
    with upload:
        await drain(request, upload.write, most=pointer.size)
        await run_in_threadpool(upload.finish, pointer.size)
    await run_in_threadpool(_arrived, hub, request, pointer)
    return Response()


def _arrived(hub: Hub, request: Request, pointer: Pointer) -> None:
    """Give the object to the repo that the address names, if there still is one."""
    named = request.path_params
    repo = hub.store.get(named["kind"], f"{named['namespace']}/{named['name']}")
    if repo is not None:
        Holdings(repo).add(pointer.oid, pointer.size)


async def upload_part(request: Request) -> Response:
    """Take one part of a multipart upload; its ETag is what the client hands in at completion."""
    hub: Hub = request.app.state.hub
    pointer = _authorised(hub, request)
    start = (int(request.path_params["number"]) - 1) * hub.lfs_part_size
    with hub.store.lfs.part(pointer.oid, pointer.size, start) as file:
        await drain(request, file.write, most=min(hub.lfs_part_size, pointer.size - start))
    return Response(headers={"ETag": f'"{secrets.token_hex(16)}"'})


def complete(call: Call) -> Response:
    """End the upload of an object in parts."""
    pointer = _authorised(call.hub, call.request)
    try:
        numbers = {int(part["partNumber"]) for part in call.json()["parts"]}
    except (KeyError, TypeError, ValueError):
        raise bad_request("`parts` must be a list of objects with `partNumber`") from None
    if numbers != set(range(1, _parts(call.hub, pointer) + 1)):
        raise bad_request("`parts` must name every part, and no others")
    call.hub.store.lfs.assemble(pointer.oid, pointer.size)
    _arrived(call.hub, call.request, pointer)
    return JSONResponse({}, media_type=_MEDIA)


def verify(call: Call) -> Response:
    """Confirm that an object has arrived whole."""
    pointer = _authorised(call.hub, call.request)
    if call.hub.store.lfs.size(pointer.oid) != pointer.size:
        raise HubError(404, f"The object {pointer.oid} was not uploaded")
    return JSONResponse({}, media_type=_MEDIA)


def download(call: Call) -> Response:
    """Serve an object to a git-lfs client."""
    return serve_large(call, _authorised(call.hub, call.request), {"Accept-Ranges": "bytes"})


_OBJECT = "/lfs/{kind}/{namespace}/{name}/{oid}/{size:int}"
ROUTES: list[Route] = [
    *(
        route(prefix + "/{namespace}/{name}.git/info/lfs/objects/batch", batch, "POST")
        for prefix in ("/datasets", "/spaces", "")
    ),
    Route(_OBJECT + "/object", upload_object, methods=["PUT"]),
    Route(_OBJECT + "/part/{number:int}", upload_part, methods=["PUT"]),
    route(_OBJECT + "/complete", complete, "POST"),
    route(_OBJECT + "/verify", verify, "POST"),
    route(_OBJECT + "/download", download, "GET", "HEAD"),
]
