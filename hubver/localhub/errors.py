"""What the embedded Hub answers when the answer is no.

The codes are the Hub's own; the client chooses its exception by `X-Error-Code` before it looks at the status.
"""

from __future__ import annotations

from starlette.responses import JSONResponse


class HubError(Exception):
    """An answer with an error status.

    Args:
        status: HTTP status.
        message: one sentence, sent in the body and as `X-Error-Message`.
        code: value of `X-Error-Code`, if the Hub has one for this.
        headers: further response headers.
        facts: further fields of the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        facts: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}
        self.facts = facts or {}

    def response(self) -> JSONResponse:
        """Render the error as the Hub does."""
        headers = {"X-Error-Message": self.message.encode("ascii", "replace").decode().replace("\n", " ")}
        if self.code:
            headers["X-Error-Code"] = self.code
        return JSONResponse({"error": self.message, **self.facts}, self.status, {**headers, **self.headers})


def bad_request(message: str) -> HubError:
    """The request cannot be understood or may not be done: 400."""
    return HubError(400, message)


def bad_credentials() -> HubError:
    """A token was sent that nobody holds: 401, with the text by which the client knows it from a missing repo."""
    return HubError(401, "Invalid credentials in Authorization header")


def repo_not_found(*, anonymous: bool) -> HubError:
    """No such repo, or the caller may not see it: 401 to strangers and 404 to users.

    The code goes with both, because on `http://` the client does not recognise a bare 401 as a missing repo.
    """
    if anonymous:
        return HubError(401, "Invalid username or password.", code="RepoNotFound")
    return HubError(404, "Repository not found", code="RepoNotFound")


def revision_not_found(revision: str) -> HubError:
    """No branch, tag or commit of that name."""
    return HubError(404, f"Invalid rev id: {revision}", code="RevisionNotFound")


def entry_not_found(path: str, commit: str | None = None) -> HubError:
    """The revision has no such file; `X-Repo-Commit` lets the client cache that."""
    headers = {"X-Repo-Commit": commit} if commit else {}
    return HubError(404, f"Entry not found: {path}", code="EntryNotFound", headers=headers)


def forbidden(message: str) -> HubError:
    """The caller is known, and may not do this."""
    return HubError(403, message)


def conflict(message: str) -> HubError:
    """What would be created exists, or stands in the way."""
    return HubError(409, message)
