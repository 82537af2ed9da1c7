"""Git's smart HTTP protocol: clone, fetch and push, at `/{id}` and `/{id}.git`.

Fetches by version 2 of the protocol are served by `upload_pack`, those of old clients by dulwich, which has no partial
clones; pushes are taken by `receive_pack`. Why these are our own is told there.
"""

from __future__ import annotations

import tempfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from dulwich.errors import GitProtocolError, HangupException
from dulwich.protocol import CAPABILITY_FILTER, ReceivableProtocol
from dulwich.server import BackendRepo, DictBackend, UploadPackHandler
from starlette.background import BackgroundTask
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from hubver.localhub.accounts.users import User
from hubver.localhub.errors import HubError, bad_request
from hubver.localhub.git import upload_pack as v2
from hubver.localhub.git.inspection import Intake
from hubver.localhub.git.receive_pack import advertise, receive
from hubver.localhub.large.holdings import take
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from starlette.routing import Route

    from hubver.localhub.repos.repository import Repository

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Hub"'}
_STRANGER = User("", role="read")
_NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}
_IN_MEMORY = 8 * 2**20
_PIECE = 2**20
# What git compresses, lists of ids in hex, becomes about twice as long.
_MOST_PLAIN, _MOST_GROWTH = 64 * 2**20, 10
_SERVICES = ("git-upload-pack", "git-receive-pack")


def _admit(call: Call, service: str) -> tuple[Repository, User]:
    """Answer the repo and the user, and ask git for credentials where they are missing.

    A stranger may fetch, and is a user that nobody knows.

    Raises:
        HubError: 401 with a challenge, 403 or 404.
    """
    if not call.hub.switches.git_http:
        raise HubError(404, "Not Found")
    try:
        user = call.author() if service == "git-receive-pack" else call.user or _STRANGER
        return call.repo_to_download(), user
    except HubError as error:
        if error.status == 401:
            error.headers = _CHALLENGE
        raise


def info_refs(call: Call) -> Response:
    """Show the refs and capabilities of a service."""
    service = call.query("service") or ""
    if service not in _SERVICES:
        raise bad_request("Only git's smart HTTP protocol is served: update git")
    repo, user = _admit(call, service)

    def answer(protocol: ReceivableProtocol) -> None:
        if service == "git-upload-pack" and _speaks_v2(call):
            v2.advertise(protocol)
            return
        protocol.write_pkt_line(f"# service={service}\n".encode())
        protocol.write_pkt_line(None)
        if service == "git-receive-pack":
            advertise(_intake(call, repo, user), protocol)
        else:
            _upload_pack(repo, protocol, advertise_refs=True)

    return _converse(call.body, f"application/x-{service}-advertisement", answer)


def upload_pack(call: Call) -> Response:
    """Serve a clone or a fetch."""
    repo, _ = _admit(call, "git-upload-pack")

    def answer(protocol: ReceivableProtocol) -> None:
        if _speaks_v2(call):
            v2.serve(repo, protocol, any_object=call.hub.switches.fetch_any_object)
        else:
            _upload_pack(repo, protocol)

    with _plain_body(call) as body:
        return _converse(body, "application/x-git-upload-pack-result", answer)


def _speaks_v2(call: Call) -> bool:
    return "version=2" in call.request.headers.get("git-protocol", "").split(":")


def receive_pack(call: Call) -> Response:
    """Take a push."""
    intake = _intake(call, *_admit(call, "git-receive-pack"))
    with _plain_body(call) as body:
        return _converse(body, "application/x-git-receive-pack-result", lambda p: receive(intake, p, body))


def _intake(call: Call, repo: Repository, user: User) -> Intake:
    store = call.hub.store

    def has_object(oid: str, size: int) -> bool:
        return take(store, repo, user, oid) == size

    return Intake(repo, user, has_object, call.hub.switches.atomic_push)


class _UploadPack(UploadPackHandler):
    """dulwich's, which does not offer what it cannot keep.

    It can leave contents out of a clone, but not give them out one by one afterwards, so a partial clone could never be
    checked out. Where the server does not offer filters, git makes a whole clone instead.
    """

    def capabilities(self) -> list[bytes]:
        """What is offered."""
        return [offered for offered in super().capabilities() if offered != CAPABILITY_FILTER]

    def set_client_capabilities(self, caps: Iterable[bytes]) -> None:
        """Take what the client asks for; git names filters here even where it goes on without them."""
        super().set_client_capabilities([asked for asked in caps if asked != CAPABILITY_FILTER])


def _upload_pack(repo: Repository, protocol: ReceivableProtocol, *, advertise_refs: bool = False) -> None:
    with repo.open() as git:
        repos: dict[bytes, BackendRepo] = {b"/": git}
        backend = DictBackend(repos)
        handler = _UploadPack(backend, ["/"], protocol, stateless_rpc=True, advertise_refs=advertise_refs)
        handler.handle()


def _converse(body: IO[bytes], media: str, answer: Callable[[ReceivableProtocol], None]) -> Response:
    """Answer one request of git's; the answer waits in a file, because only then is it known to be whole."""
    out = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when it has been sent
    try:
        answer(ReceivableProtocol(body.read, out.write))
    except HangupException:
        pass  # git closes early where it has what it needs
    except GitProtocolError as error:
        out.close()
        raise bad_request(f"Not git's protocol: {error}") from None
    except BaseException:
        out.close()
        raise
    size = out.tell()
    out.seek(0)
    headers = {**_NO_CACHE, "Content-Length": str(size)}
    return StreamingResponse(
        iterate_in_threadpool(_pieces(out)), headers=headers, media_type=media, background=BackgroundTask(out.close)
    )


def _pieces(file: tempfile.SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


@contextmanager
def _plain_body(call: Call) -> Iterator[IO[bytes]]:
    """The body without the compression that git puts on long lists of commits."""
    if call.request.headers.get("content-encoding") not in {"gzip", "x-gzip"}:
        yield call.body
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as plain:
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            while not unpack.eof and (piece := unpack.unconsumed_tail or call.body.read(_PIECE)):
                plain.write(unpack.decompress(piece, _PIECE))
                if plain.tell() > _MOST_PLAIN + _MOST_GROWTH * call.body.tell():
                    raise HubError(413, "The body grows too much when it is unpacked")
        except zlib.error:
            raise bad_request("The body is not what its Content-Encoding says") from None
        if not unpack.eof:
            raise bad_request("The compressed body ends early")
        plain.seek(0)
        yield plain


ROUTES: list[Route] = [
    route(prefix + "/{namespace}/{name}" + suffix + path, handler, method)
    for prefix in ("/datasets", "/spaces", "")
    for suffix in (".git", "")
    for path, handler, method in (
        ("/info/refs", info_refs, "GET"),
        ("/git-upload-pack", upload_pack, "POST"),
        ("/git-receive-pack", receive_pack, "POST"),
    )
]
