"""Who may do what: users, their tokens, and the file that keeps both across restarts."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from hubver.localhub.errors import bad_credentials
from hubver.localhub.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Role = Literal["read", "write"]


@dataclass(frozen=True)
class User:
    """A user as one of its tokens shows it.

    Args:
        name: the user's own namespace.
        orgs: further namespaces it belongs to.
        role: what the token may do in those namespaces.
    """

    name: str
    orgs: tuple[str, ...] = ()
    role: Role = "write"

    def belongs_to(self, namespace: str) -> bool:
        """Whether repos of `namespace` are this user's own."""
        return namespace == self.name or namespace in self.orgs


class Accounts:
    """The users of one Hub by token, kept in `tokens.json`, which only its owner may read.

    The tokens are kept in the clear: they open nothing but this folder, which whoever reads the file can read too.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._users: dict[str, User] = {}
        if file.exists():
            stored = json.loads(file.read_bytes())
            self._users = {token: User(u["name"], tuple(u["orgs"]), u["role"]) for token, u in stored.items()}

    def put(self, users: Mapping[str, User]) -> None:
        """Add or replace users by token."""
        with self._lock:
            self._users = {**self._users, **users}
            stored = {token: asdict(user) for token, user in self._users.items()}
            write_atomically(self._file, json.dumps(stored, indent=1).encode(), mode=0o600)

    def add(self, user: User) -> str:
        """Add a user and answer a fresh token for it."""
        token = "hf_" + secrets.token_urlsafe(26)
        self.put({token: user})
        return token

    def writer(self) -> tuple[str, User] | None:
        """The first token that may write, and its user."""
        return next(((token, user) for token, user in self._users.items() if user.role == "write"), None)

    def authenticate(self, authorization: str | None) -> User | None:
        """Answer the user that an `Authorization` header names; None without a header.

        Git sends `Basic` with any user name and the token as password, everything else `Bearer`.

        Raises:
            HubError: 401 if there is a header and nobody holds its token.
        """
        if not authorization:
            return None
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                raise bad_credentials() from None
        user = self._users.get(value.strip())
        if user is None:
            raise bad_credentials()
        return user
