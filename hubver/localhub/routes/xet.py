"""Large files by Xet: tokens from the Hub, then xorbs, shards and reconstructions by the CAS protocol.

The protocol is https://huggingface.co/docs/xet/api; older clients and newer ones find out by a 404 what is not here
(`/v2/shards`, `/v1/xorb-grants`). All repos share the xorbs; a token is for one repo, and opens only the files which that
repo has. To have a file that is here already, a client must show that it knows its chunks.
"""

from __future__ import annotations

import re
import time
from typing import IO, TYPE_CHECKING

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hubver.localhub.errors import HubError, bad_request, repo_not_found
from hubver.localhub.large.holdings import Holdings, may_download
from hubver.localhub.repos.refs import MAIN
from hubver.localhub.routes.content import asked_range
from hubver.localhub.web.bodies import drain
from hubver.localhub.web.call import Call, route
from hubver.localhub.xet import grants, reconstruction
from hubver.localhub.xet.shards import LARGEST_SHARD
from hubver.localhub.xet.xorbs import LARGEST_XORB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from hubver.localhub.hub import Hub
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.xet.reconstruction import Plan, Source, Span

_HASH = re.compile(r"[0-9a-f]{64}")
_SPAN = re.compile(r"(\d+)-(\d+)")
_PIECE = 2**20
_BOUNDARY = "hubver-localhub-xorb-range"
_NO_XET = "this-hub-has-no-xet/set/HF_HUB_DISABLE_XET=1"


def write_token(call: Call) -> Response:
    """Let the caller upload; for a pull request any user may."""
    opens_pull, revision = call.query("create_pr") is not None, call.param("revision")
    if opens_pull or revision.startswith("refs/pr/"):
        call.author()
        repo = call.repo()
    else:
        repo = call.repo_to_write()
    # With `create_pr` the Python client says `None` for the revision.
    return _token(call, repo, "write", MAIN if opens_pull else revision)


def read_token(call: Call) -> Response:
    """Let the caller download."""
    return _token(call, call.repo_to_download(), "read", call.param("revision"))


def _token(call: Call, repo: Repository, access: grants.Access, revision: str) -> Response:
    if not call.hub.xet:
        # hf_xet shows its user nothing of an error but the address, so it is led to one that says what to do.
        return Response(status_code=307, headers={"Location": call.url(_NO_XET)})
    repo.resolve(revision)
    headers = connection(call, repo, access)
    url, token, expires = headers.values()
    return JSONResponse({"casUrl": url, "accessToken": token, "exp": int(expires)}, headers=headers)


def connection(call: Call, repo: Repository, access: grants.Access) -> dict[str, str]:
    """The headers that let a client in: the address of the store, a token for it, and when that expires."""
    expires = int(time.time()) + grants.LIFETIME_S
    if access == "write" and not may_download(repo, call.user):
        access = "upload"  # to a pull request, by somebody whom the gate has not let through
    grant = grants.Grant(repo.description.kind, repo.description.id, access, expires)
    return {
        "X-Xet-Cas-Url": call.url(f"xet/{call.hub.store.xet.id}"),
        "X-Xet-Access-Token": grant.token(call.hub.sign),
        "X-Xet-Token-Expiration": str(expires),
    }


def no_xet(_call: Call) -> Response:
    """Refuse, at an address that is the advice."""
    raise HubError(404, "This Hub takes large files by LFS alone: set HF_HUB_DISABLE_XET=1 for the client")


def _authorise(hub: Hub, request: Request, access: grants.Access | None = None) -> Repository:
    """Hold a request to its token, whatever it allows if no `access` is named, and answer the repo that it is for.

    Raises:
        HubError: 404 for another Hub's store, 401 without a token that is good, 403 if it does not allow this.
    """
    if not hub.xet or request.path_params["store"] != hub.store.xet.id:
        raise HubError(404, "This is not the address of this Hub's Xet store")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    grant = grants.read_token(token, hub.is_signed) if scheme.lower() == "bearer" else None
    if grant is None or grant.expires < time.time():
        raise HubError(401, "The Xet token is missing, expired, or from before the Hub was restarted")
    if grant.access == "read" and access == "upload":
        raise HubError(403, "This Xet token may only read")
    if grant.access == "upload" and access == "read":
        raise HubError(403, "This Xet token may only upload")
    repo = hub.store.get(grant.kind, grant.repo_id)
    if repo is None:
        raise repo_not_found(anonymous=False)
    return repo


def _hash(request: Request) -> str:
    value: str = request.path_params["hash"]
    if not _HASH.fullmatch(value):
        raise bad_request("The hash in the address must be 64 lowercase hex digits")
    return value


async def upload_xorb(request: Request) -> Response:
    """Take a xorb, and keep it if it is the one that its address says."""
    hub: Hub = request.app.state.hub
    await run_in_threadpool(_authorise, hub, request, "upload")
    xorb, store = _hash(request), hub.store.xet
    if await run_in_threadpool(store.has_xorb, xorb):
        async for _ in request.stream():
            pass
        return JSONResponse({"was_inserted": False})
    upload = await run_in_threadpool(store.upload, xorb)
    with upload:
        await drain(request, upload.file.write, most=LARGEST_XORB)
        await run_in_threadpool(upload.finish)
    return JSONResponse({"was_inserted": True})


async def upload_shard(request: Request) -> Response:
    """Register the files of a shard, once all that it says has been checked."""
    hub: Hub = request.app.state.hub
    repo = await run_in_threadpool(_authorise, hub, request, "upload")
    content = bytearray()
    await drain(request, content.extend, most=LARGEST_SHARD)
    for file in await run_in_threadpool(hub.store.xet.register, bytes(content)):
        await run_in_threadpool(Holdings(repo).add, file.sha256, file.size)
    return JSONResponse({"result": 1})


def reconstruct_1(call: Call) -> Response:
    """Tell how to put a file together, as older clients ask for it."""
    return JSONResponse(reconstruction.as_version_1(*_plan(call)))


def reconstruct_2(call: Call) -> Response:
    """Tell how to put a file together."""
    return JSONResponse(reconstruction.as_version_2(*_plan(call)))


def _plan(call: Call) -> tuple[Plan, Source]:
    """The plan for a file, or for the range of it asked for."""
    repo = _authorise(call.hub, call.request, "read")
    store = call.hub.store.xet
    file = store.file(_hash(call.request))
    if file is None or file.sha256 not in Holdings(repo):
        raise HubError(404, "The repo of this token has no such file")
    start, end = asked_range(call.request.headers.get("range"), file.size) or (0, file.size)
    plan = reconstruction.plan(file, store.layout, start, end)
    return plan, reconstruction.Source(store.layout, lambda xorb, spans: _signed(call, xorb, spans))


def known_chunks(call: Call) -> Response:
    """Answer a shard of chunks that are here, for a client that has one of them."""
    _authorise(call.hub, call.request)
    content = call.hub.store.xet.known_chunks(_hash(call.request))
    return Response(content, media_type="application/octet-stream")


def _signed(call: Call, xorb: str, spans: list[Span]) -> str:
    """The address of byte ranges of a xorb, which works for a while and without a token."""
    ranges = ",".join(f"{start}-{end - 1}" for start, end in spans)
    expires = int(time.time()) + grants.LIFETIME_S
    path = f"xet/{call.hub.store.xet.id}/xorbs/{xorb}?ranges={ranges}&expires={expires}"
    return call.url(f"{path}&signature={call.hub.sign(path)}")


def download_xorb(call: Call) -> Response:
    """Serve the byte ranges asked for, of those that the address was signed for."""
    path, query = call.request.scope["path"].lstrip("/"), call.request.url.query
    signed, _, signature = query.rpartition("&signature=")
    if not call.hub.is_signed(f"{path}?{signed}", signature):
        raise HubError(403, "The address is not signed, or was signed before the Hub was restarted")
    if call.number("expires", 0, 2**63) < time.time():
        raise HubError(403, "The address has expired")
    allowed, asked = _spans(call.query("ranges")), _spans(call.request.headers.get("range", "").removeprefix("bytes="))
    if not asked or not all(any(a <= start <= end <= b for a, b in allowed) for start, end in asked):
        raise HubError(403, "The address is signed for other ranges")
    file = call.hub.store.xet.xorb_path(_hash(call.request))
    total = file.stat().st_size
    if len(asked) == 1:
        start, end = asked[0]
        headers = {"Content-Range": f"bytes {start}-{end}/{total}", "Content-Length": str(end + 1 - start)}
        body, media = _read(file.open("rb"), asked), "application/octet-stream"
    else:
        headers, media = {}, f"multipart/byteranges; boundary={_BOUNDARY}"
        body = _read_parts(file.open("rb"), asked, total)
    return StreamingResponse(iterate_in_threadpool(body), 206, headers, media)


def _spans(text: str | None) -> list[Span]:
    """Read `0-99,200-299`; both ends are included."""
    found = [_SPAN.fullmatch(part.strip()) for part in (text or "").split(",")]
    return [(int(span[1]), int(span[2])) for span in found if span]


def _read(file: IO[bytes], spans: list[Span]) -> Iterator[bytes]:
    with file:
        for start, end in spans:
            yield from _pieces(file, start, end)


def _read_parts(file: IO[bytes], spans: list[Span], total: int) -> Iterator[bytes]:
    """The body of `multipart/byteranges` (RFC 9110, section 14.6)."""
    with file:
        for start, end in spans:
            place = f"Content-Type: application/octet-stream\r\nContent-Range: bytes {start}-{end}/{total}"
            yield f"--{_BOUNDARY}\r\n{place}\r\n\r\n".encode()
            yield from _pieces(file, start, end)
            yield b"\r\n"
        yield f"--{_BOUNDARY}--\r\n".encode()


def _pieces(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start <= end and (piece := file.read(min(_PIECE, end + 1 - start))):
        start += len(piece)
        yield piece


_REPO = "/api/{kinds}/{namespace}/{name}"
_STORE = "/xet/{store}"
ROUTES: list[Route] = [
    route(_REPO + "/xet-write-token/{revision:path}", write_token),
    route(_REPO + "/xet-read-token/{revision:path}", read_token),
    route("/" + _NO_XET, no_xet),
    Route(_STORE + "/v1/xorbs/default/{hash}", upload_xorb, methods=["POST"]),
    Route(_STORE + "/v1/shards", upload_shard, methods=["POST"]),
    route(_STORE + "/v1/reconstructions/{hash}", reconstruct_1),
    route(_STORE + "/v2/reconstructions/{hash}", reconstruct_2),
    route(_STORE + "/v1/chunks/{prefix}/{hash}", known_chunks),
    route(_STORE + "/xorbs/{hash}", download_xorb),
]
