"""File contents: `resolve`, which follows LFS pointers, and `raw`, which shows what git holds."""

from __future__ import annotations

import re
from io import BytesIO
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from dulwich.objects import Blob
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from hubver.localhub.errors import HubError, entry_not_found
from hubver.localhub.large.pointers import parse_pointer
from hubver.localhub.repos.paths import split_revision
from hubver.localhub.repos.repository import read_blob
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.routing import Route

    from hubver.localhub.large.pointers import Pointer

_PIECE = 2**20
_XET_MEDIA = "application/vnd.xet-fileinfo+json"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def resolve(call: Call) -> Response:
    """Serve a file, or lead to where a large one is served, and tell clients with Xet how to get those in chunks."""
    commit, path, content = _find(call)
    pointer = parse_pointer(content)
    if pointer is None:
        return _serve_blob(call, commit, path, content)
    linked = {"X-Linked-Etag": f'"{pointer.oid}"', "X-Linked-Size": str(pointer.size)}
    headers = {**_headers(commit, path), **linked, **_xet_headers(call, commit, pointer)}
    if "X-Xet-Hash" in headers and _XET_MEDIA in call.request.headers.get("accept", ""):
        # The JavaScript client asks for the way to the chunks in place of the file.
        return JSONResponse({"hash": headers["X-Xet-Hash"], "size": pointer.size}, 200, headers, _XET_MEDIA)
    if call.hub.cdn is None:
        return serve_large(call, pointer, {**headers, "ETag": f'"{pointer.oid}"'})
    address = call.hub.cdn.address(call, pointer, path.rpartition("/")[2])
    return PlainTextResponse(f"Found. Redirecting to {address}", 302, {**headers, "Location": address})


def raw(call: Call) -> Response:
    """Serve what git holds: of a large file the pointer."""
    return _serve_blob(call, *_find(call))


def _find(call: Call) -> tuple[str, str, bytes]:
    """Answer the commit, the path and the content of the blob that the address names."""
    repo = call.repo_to_download()
    revision, path = split_revision(call.request.path_params["rest"])
    commit = repo.resolve(revision)
    with repo.objects() as store:
        entry = repo.entry(store, commit, path)
        if entry.is_folder:
            raise entry_not_found(path, commit)
        return commit, path, read_blob(store, entry.oid)


def _headers(commit: str, path: str) -> dict[str, str]:
    return {"X-Repo-Commit": commit, **shown_as(path.rpartition("/")[2])}


def shown_as(name: str) -> dict[str, str]:
    """The headers by which a browser takes a file for what it is: data, under this name."""
    plain = name.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "_")
    return {
        "Accept-Ranges": "bytes",
        # Whatever a file holds, no browser runs it with the rights of this Hub's pages.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain}\";",
        "Access-Control-Expose-Headers": "X-Repo-Commit,X-Linked-Size,X-Linked-ETag,ETag,Accept-Ranges,Content-Range",
    }


def _xet_headers(call: Call, commit: str, pointer: Pointer) -> dict[str, str]:
    """What leads a client with Xet to the chunks of a file; nothing for one that was uploaded by LFS."""
    file_id = call.hub.xet_id(call.repo(), pointer.oid)
    if file_id is None:
        return {}
    token = call.url(f"api/{call.kind}s/{call.param('namespace')}/{call.param('name')}/xet-read-token/{commit}")
    plan = call.url(f"xet/{call.hub.store.xet.id}/v1/reconstructions/{file_id}")
    return {"X-Xet-Hash": file_id, "Link": f'<{token}>; rel="xet-auth", <{plan}>; rel="xet-reconstruction-info"'}


def _serve_blob(call: Call, commit: str, path: str, content: bytes) -> Response:
    headers = {**_headers(commit, path), "ETag": f'"{Blob.from_string(content).id.decode()}"'}
    return _serve(call, lambda: BytesIO(content), len(content), headers)


def serve_large(call: Call, pointer: Pointer, headers: dict[str, str]) -> Response:
    """Serve an LFS object.

    Raises:
        HubError: 404 if the folder has lost it.
    """
    if call.hub.store.lfs.size(pointer.oid) != pointer.size:
        raise HubError(404, f"The LFS object {pointer.oid} is not on this Hub")
    return _serve(call, lambda: call.hub.store.lfs.open(pointer.oid), pointer.size, headers)


def _serve(call: Call, open_file: Callable[[], IO[bytes]], size: int, headers: dict[str, str]) -> Response:
    """Serve all of a file or the range asked for; the file is opened once the answer is on its way."""
    media = "application/octet-stream"
    if call.request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(size)}, media_type=media)
    part = asked_range(call.request.headers.get("range"), size)
    start, end = part or (0, size)
    headers = {**headers, "Content-Length": str(end - start)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = iterate_in_threadpool(_pieces(open_file, start, end))
    return StreamingResponse(body, 206 if part else 200, headers, media)


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The range [start, end) that a `Range` header asks for; None for the whole, also where several are asked for.

    Raises:
        HubError: 416 if it lies outside the file.
    """
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
    else:
        start, end = max(0, size - int(found[2])), size
    if start >= end:
        raise HubError(416, f"The file has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return start, end


def _pieces(open_file: Callable[[], IO[bytes]], start: int, end: int) -> Iterator[bytes]:
    with open_file() as file:
        file.seek(start)
        while start < end and (piece := file.read(min(_PIECE, end - start))):
            start += len(piece)
            yield piece


ROUTES: list[Route] = [
    route(prefix + "/{namespace}/{name}" + f"/{verb}/" + "{rest:path}", handler, "GET", "HEAD")
    for prefix in ("/datasets", "/spaces", "")
    for verb, handler in (("resolve", resolve), ("raw", raw))
]
