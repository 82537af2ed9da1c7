"""A Hub on loopback that shows the recorded commits, and nothing else.

A script says `from_pretrained("org/base")` or `load_dataset("org/data")`, and gets whatever is there today. Through this
view every branch and tag of a recorded repository is the recorded commit, whatever library asks and however. It answers
reads alone, so that a run that is reproduced publishes nothing; it holds the token, so that the run need not; and it notes
what was asked for and not recorded.

Source of the endpoints: the Hub's OpenAPI document, and huggingface_hub 2.4.
"""

from __future__ import annotations

import re
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hubver.errors import HubverError
from hubver.hub.answers import translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr
    from starlette.requests import Request
    from typing_extensions import Self

_SHA = re.compile(r"[0-9a-f]{40}")
# What is read of one repository at a revision; the others show more than one commit, or write.
_AT_REVISION = re.compile(r"/(?P<what>revision|tree|paths-info|resolve|raw|treesize)/(?P<revision>[^/]+)(?P<rest>/.*)?")
_ASKED = ("accept", "accept-encoding", "content-type", "range", "if-none-match", "user-agent")
_ANSWERED = (
    *("content-type", "content-length", "content-encoding", "content-range", "accept-ranges", "etag", "location"),
    *("x-repo-commit", "x-linked-size", "x-linked-etag", "x-error-code", "x-error-message", "link"),
)


class PinnedHub:
    """The view, served while a `with` block lasts.

    Args:
        endpoint: the Hub behind it.
        token: sent to that Hub; None to ask as nobody.
        models: commit of each model, by its id.
        datasets: the same of datasets.
        beyond: let through what was not recorded too.

    Attributes:
        url: where it answers.
        unrecorded: what was asked for and is not recorded, in the order of asking.
    """

    def __init__(
        self,
        endpoint: str,
        token: SecretStr | None,
        *,
        models: Mapping[str, str],
        datasets: Mapping[str, str],
        beyond: bool = False,
    ) -> None:
        self.url = ""
        self.unrecorded: dict[str, None] = {}
        self._endpoint = endpoint
        self._token = token
        self._beyond = beyond
        self._pins = {f"/api/models/{name}": sha for name, sha in models.items()}
        self._pins |= {f"/{name}": sha for name, sha in models.items()}
        self._pins |= {
            f"/{place}/{name}": sha for name, sha in datasets.items() for place in ("api/datasets", "datasets")
        }
        for kind, pins in (("models", models), ("datasets", datasets)):
            self._pins |= {f"/api/resolve-cache/{kind}/{name}": sha for name, sha in pins.items()}

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "HEAD", "POST", "PUT", "DELETE"])])
        config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def where(self, path: str) -> str | None:
        """The path on the Hub behind that a path here stands for; None where it is nobody's to see.

        Args:
            path: as it was sent, still quoted, without the query.
        """
        for prefix, sha in self._pins.items():
            rest = path.removeprefix(prefix)
            if rest == path or (rest and not rest.startswith("/")):
                continue
            if "/resolve-cache/" in prefix:
                return path
            if not rest:
                return f"{prefix}/revision/{sha}" if prefix.startswith("/api/") else None
            found = _AT_REVISION.fullmatch(rest)
            if found is None:
                return None
            # A commit that a script names by itself cannot move, so it needs no pin.
            revision = found["revision"] if _SHA.fullmatch(found["revision"]) else sha
            return f"{prefix}/{found['what']}/{revision}{found['rest'] or ''}"
        return None

    async def _answer(self, request: Request) -> Response:
        raw = request.scope["raw_path"].decode("latin-1")
        path = quote(raw, safe="/%:@!$&'()*+,;=~-._")
        reading = request.method in {"GET", "HEAD"} or (request.method == "POST" and "/paths-info/" in path)
        if not reading:
            return _no(403, "Forbidden", "This run is being reproduced: it publishes nothing.")
        target = self.where(path)
        if target is None:
            self._note(path)
            if not self._beyond:
                return _no(
                    404, "RepoNotFound", "The record of this run does not name it, so its reproduction lacks it."
                )
            target = path
        query = f"?{request.url.query}" if request.url.query else ""
        body = await request.body()
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        try:
            return await run_in_threadpool(self._forward, request.method, target + query, headers, body)
        except HubverError as error:
            return _no(502, "BadGateway", error.fact)

    def _note(self, path: str) -> None:
        # Who one is, and what else the Hub offers, is asked in passing.
        found = re.match(r"/(?:api/(?:models|datasets|spaces)/|datasets/|spaces/|(?!api/))(?P<name>[^/]+/[^/]+)", path)
        if found:
            self.unrecorded.setdefault(found["name"])

    def _forward(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        from huggingface_hub.utils import build_hf_headers, get_session

        token = self._token.get_secret_value() if self._token else False
        sent = {**{name.lower(): value for name, value in build_hf_headers(token=token).items()}, **headers}
        session = get_session()
        with translated(self._endpoint, "the recorded commit"):
            request = session.build_request(method, self._endpoint + target, headers=sent, content=body or None)
            response = session.send(request, stream=True, follow_redirects=False)
        kept = {name: response.headers[name] for name in _ANSWERED if name in response.headers}
        if "link" in kept:
            kept["link"] = kept["link"].replace(self._endpoint, self.url)
        if method == "HEAD":
            response.close()
            return Response(status_code=response.status_code, headers=kept)
        return StreamingResponse(_content(response), status_code=response.status_code, headers=kept)


def _content(response: Any) -> Iterator[bytes]:
    """The body as it came, still encoded; the connection goes back when it ends."""
    try:
        yield from response.iter_raw()
    finally:
        response.close()


def _no(status: int, code: str, why: str) -> Response:
    """A refusal in the Hub's own form, which huggingface_hub turns into the error that scripts know."""
    return Response(status_code=status, headers={"X-Error-Code": code, "X-Error-Message": why})
