"""Who may do what with a repo: see it, download from it, change it; and who has asked to pass its gate."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Literal, TypedDict, cast, get_args

from hubver.localhub.errors import HubError, bad_request
from hubver.localhub.repos.files import write_atomically
from hubver.localhub.store import now

if TYPE_CHECKING:
    from hubver.localhub.accounts.users import User
    from hubver.localhub.repos.repository import Repository

Decision = Literal["pending", "accepted", "rejected"]


def may_read(repo: Repository, user: User | None) -> bool:
    """Whether `user` may see that `repo` exists and what is said of it."""
    return not repo.description.private or (user is not None and user.may_read(repo.namespace, repo.url_path))


def may_write(repo: Repository, user: User) -> bool:
    """Whether `user` may change `repo`."""
    return user.may_write(repo.namespace, repo.url_path)


def check_gate(repo: Repository, user: User | None) -> None:
    """Let through who may download files.

    Raises:
        HubError: GatedRepo; 401 to strangers and 403 to users whom nobody has accepted.
    """
    about = repo.description
    if not about.gated or (user is not None and user.may_pass_gate(repo.namespace, repo.url_path)):
        return
    if user is None:
        message = f"Access to {about.kind} {about.id} is restricted. You must have access to it and be authenticated."
        raise HubError(401, f"{message} Please log in.", code="GatedRepo")
    request = Requests(repo).of(user.name)
    if request is None or request["status"] != "accepted":
        message = f"Access to {about.kind} {about.id} is restricted and you are not in the authorized list."
        raise HubError(403, f"{message} Visit its page to ask for access.", code="GatedRepo")


class Request(TypedDict):
    """One user's request for access, as the Hub's API shows it; `timestamp` is ISO 8601 in UTC."""

    user: dict[str, str]
    requestId: str
    status: Decision
    timestamp: str


class Requests:
    """The requests for access to one gated repo, in `access.json`. Writers hold the repo's lock."""

    def __init__(self, repo: Repository) -> None:
        self._file = repo.folder / "access.json"

    def all(self) -> list[Request]:
        """All of them, oldest first."""
        return cast("list[Request]", json.loads(self._file.read_bytes())) if self._file.exists() else []

    def of(self, name: str) -> Request | None:
        """The request of one user."""
        return next((request for request in self.all() if request["user"]["user"] == name), None)

    def decide(self, name: str, status: str) -> None:
        """Set where a user stands, who need not have asked.

        Raises:
            HubError: 400 for a status that there is not.
        """
        if status not in get_args(Decision):
            raise bad_request(f"`status` must be one of {', '.join(get_args(Decision))}")
        known = self.of(name)
        request = Request(
            user={"user": name, "fullname": name},
            requestId=known["requestId"] if known else secrets.token_hex(12),
            status=cast("Decision", status),
            timestamp=known["timestamp"] if known else now(),
        )
        others = [other for other in self.all() if other["user"]["user"] != name]
        write_atomically(self._file, json.dumps([*others, request], indent=1).encode())
