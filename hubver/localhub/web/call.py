"""One request as the routes see it: who asks, for which repo, with what body.

Routes are ordinary functions on a worker thread, so git and the disk never stop the event loop.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Route

from hubver.localhub.accounts.access import check_gate, may_read, may_write
from hubver.localhub.errors import HubError, bad_request, forbidden, repo_not_found
from hubver.localhub.faults import STALE_REFS
from hubver.localhub.repos.refs import LaggingRefs
from hubver.localhub.repos.repository import PREFIXES
from hubver.localhub.web.bodies import drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from hubver.localhub.accounts.users import User
    from hubver.localhub.hub import Hub
    from hubver.localhub.repos.repository import Kind, Repository

_IN_MEMORY = 8 * 2**20
_LARGEST_JSON = 32 * 2**20
_REPO = "localhub.repo"
_KINDS: dict[str, Kind] = {"models": "model", "datasets": "dataset", "spaces": "space"}


@dataclass(frozen=True)
class Call:
    """A request with its body read.

    Args:
        request: as Starlette has it; its path parameters are still URL-quoted.
        hub: the Hub asked.
        body: the body, at its start; on disk if it is long.
    """

    request: Request
    hub: Hub
    body: IO[bytes]

    @property
    def user(self) -> User | None:
        """Who asks; None for a stranger.

        Raises:
            HubError: 401 for a token that nobody holds.
        """
        sent = self.request.headers.get("authorization") or self.hub.sessions.authorization(self.request)
        return self.hub.accounts.authenticate(sent)

    def author(self) -> User:
        """The caller, who must be a user with a token for writing (to the repo in the path, if there is one).

        Raises:
            HubError: 401 or 403.
        """
        user = self.caller()
        named = "namespace" in self.request.path_params
        if user.role == "read" or (named and not user.may_speak(self.param("namespace"), self._url_path())):
            raise forbidden("This token may only read. Use one with the role `write`")
        return user

    def caller(self) -> User:
        """The caller, who must be a user with any token.

        Raises:
            HubError: 401.
        """
        user = self.user
        if user is None:
            raise HubError(401, "Invalid username or password.")
        return user

    def param(self, name: str) -> str:
        """A path parameter, unquoted."""
        return unquote(self.request.path_params[name])

    def query(self, name: str) -> str | None:
        """A query parameter; None if it is not there."""
        return self.request.query_params.get(name)

    def number(self, name: str, default: int, most: int) -> int:
        """A query parameter that is a whole number from 0 to `most`; larger ones are cut.

        Raises:
            HubError: 400.
        """
        text = self.query(name)
        if text is None:
            return default
        if not text.isdecimal():
            raise bad_request(f"`{name}` must be a whole number")
        return min(int(text), most)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object.

        Raises:
            HubError: 400.
        """
        content = self.body.read(_LARGEST_JSON + 1)
        if len(content) > _LARGEST_JSON:
            raise HubError(413, "Payload Too Large")
        try:
            value = json.loads(content) if content else {}
        except ValueError:
            raise bad_request("The body is not JSON") from None
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise bad_request("The body is not a JSON object")
        return value

    def text(self, body: dict[str, Any], name: str) -> str:
        """A field of `body` that must be a text.

        Raises:
            HubError: 400.
        """
        value = body.get(name)
        if not isinstance(value, str) or not value:
            raise bad_request(f"`{name}` must be a text that is not empty")
        return value

    @property
    def kind(self) -> Kind:
        """Kind of the repo in the path: `/api/models/...`, or outside the API `/datasets/...` and models without it.

        Raises:
            HubError: 404 for kinds that this Hub does not have.
        """
        first = self.request.scope["path"].split("/")[1]
        outside = first if first in {"datasets", "spaces"} else "models"
        plural = self.request.path_params.get("kinds", outside)
        if plural not in _KINDS:
            raise HubError(404, f"This Hub has models, datasets and spaces, not {plural}")
        return _KINDS[plural]

    def repo(self) -> Repository:
        """The repo in the path, which the caller may read.

        Raises:
            HubError: RepoNotFound, also where the repo is somebody else's and private.
            HTTPException: 307 to where it is now, if the switches say so.
        """
        user = self.user
        repo = self.hub.store.get(self.kind, self._repo_id())
        if repo is None or not may_read(repo, user):
            raise repo_not_found(anonymous=user is None)
        if repo.description.id != self._repo_id() and self._leads_on():
            raise HTTPException(307, "Temporary Redirect", {"Location": self._same_of(repo)})
        self.request.scope[_REPO] = repo
        stale = self.request.scope.get(STALE_REFS)
        if stale and self.request.method in {"GET", "HEAD"}:
            repo.refs = LaggingRefs(repo.git_dir, stale)
        return repo

    def _leads_on(self) -> bool:
        return self.hub.switches.old_names == "redirect" and self.request.method in {"GET", "HEAD"}

    def _same_of(self, repo: Repository) -> str:
        """The request's address, with the name of `repo` in place of the one in it."""
        given = self.request.path_params
        area = f"/api/{given['kinds']}/" if "kinds" in given else f"/{PREFIXES[self.kind]}"
        rest = self.request.scope["path"][len(f"{area}{given['namespace']}/{given['name']}") :]
        query = self.request.url.query
        return f"{area}{repo.description.id}{rest}" + (f"?{query}" if query else "")

    def _repo_id(self) -> str:
        return f"{self.param('namespace')}/{self.param('name')}"

    def _url_path(self) -> str:
        return PREFIXES[self.kind] + self._repo_id()

    def repo_to_download(self) -> Repository:
        """The repo in the path, from which the caller may download files.

        Raises:
            HubError: RepoNotFound or GatedRepo.
        """
        repo = self.repo()
        check_gate(repo, self.user)
        return repo

    def repo_to_write(self) -> Repository:
        """The repo in the path, which the caller may change.

        Raises:
            HubError: RepoNotFound, 401 or 403.
        """
        repo = self.repo()
        self.must_write(repo)
        return repo

    def must_write(self, repo: Repository) -> User:
        """Answer the caller, who must be allowed to write to `repo`.

        Raises:
            HubError: 401 or 403.
        """
        user = self.author()
        if not may_write(repo, user):
            raise forbidden(f"You don't have the rights to write to {repo.url_path!r} with this token")
        return user

    def must_own(self, namespace: str) -> User:
        """Answer the caller, who must be allowed to make repos in `namespace`.

        Raises:
            HubError: 401 or 403.
        """
        user = self.author()
        if not user.may_write(namespace):
            raise forbidden(f"You don't have the rights to create a repo under the namespace {namespace!r}")
        return user

    def url(self, path: str) -> str:
        """Absolute address of a path on this Hub, by the name under which the client reached it."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}/{path}"

    def link_next(self, **changes: str | int) -> dict[str, str]:
        """The `Link` header that leads to the next page."""
        return {"Link": f'<{self.request.url.include_query_params(**changes)}>; rel="next"'}


def _answered(handler: Callable[[Call], Response], call: Call) -> Response:
    """Answer a request; where its repo has gone under its feet, as if it had come a moment later."""
    try:
        return handler(call)
    except HubError:
        raise
    except Exception:
        repo = call.request.scope.get(_REPO)
        if repo is None or repo.is_here():
            raise
        raise repo_not_found(anonymous=False) from None


def route(path: str, handler: Callable[[Call], Response], *methods: str) -> Route:
    """Serve `path` with a function that runs on a worker thread once the body has arrived."""

    async def endpoint(request: Request) -> Response:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
            await drain(request, body.write)
            body.seek(0)
            call = Call(request, request.app.state.hub, body)
            return await run_in_threadpool(_answered, handler, call)

    return Route(path, endpoint, methods=list(methods or ("GET",)))
