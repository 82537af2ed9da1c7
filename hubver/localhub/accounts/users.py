"""Who may do what: users, their tokens, and the file that keeps both across restarts."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
import time
from collections.abc import Mapping  # noqa: TC003 - a field's type
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hubver.localhub.errors import bad_credentials
from hubver.localhub.repos.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Role = Literal["read", "write", "fineGrained"]
Grant = Literal["read", "write"]


@dataclass(frozen=True)
class User:
    """A user as one of its tokens shows it.

    Args:
        name: the user's own namespace.
        orgs: further namespaces it belongs to.
        role: what the token may do in those namespaces; `fineGrained` for what `grants` says and no more.
        reads: organisations that it may read in only.
        grants: what a fine-grained token may do, by namespace or by repo (`acme/router`, `datasets/acme/tickets`).
        scopes: what a fine-grained token may do beside that: `gated-repos` is to download what the user may.
        origin: issuer and subject of the id token that the token was exchanged for; empty for other tokens.
        full_names: what the user and its organisations are called, by name; where one is not there, as by name.
    """

    name: str
    orgs: tuple[str, ...] = ()
    role: Role = "write"
    reads: tuple[str, ...] = ()
    grants: Mapping[str, Grant] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    origin: str = ""
    full_names: Mapping[str, str] = field(default_factory=dict)

    def may_read(self, namespace: str, repo: str) -> bool:
        """Whether the repo, named as in `grants`, is the user's to read and its token good for that."""
        member = self._belongs_to(namespace)
        return member and (self.role != "fineGrained" or repo in self.grants or namespace in self.grants)

    def may_pass_gate(self, namespace: str, repo: str) -> bool:
        """Whether the user may download from the repo, if it can be seen, without being let in by its owners."""
        return self.may_read(namespace, repo) or (self._belongs_to(namespace) and "gated-repos" in self.scopes)

    def _belongs_to(self, namespace: str) -> bool:
        return namespace in (self.name, *self.orgs, *self.reads)

    def may_write(self, namespace: str, repo: str | None = None) -> bool:
        """Whether the user may write to the repo, or make repos in the namespace, with this token."""
        return namespace in (self.name, *self.orgs) and self._token_writes(namespace, repo)

    def may_speak(self, namespace: str, repo: str) -> bool:
        """Whether the token allows what any user may do with a repo: to comment, and to propose a change."""
        return self._token_writes(namespace, repo)

    def _token_writes(self, namespace: str, repo: str | None) -> bool:
        if self.role == "fineGrained":
            return "write" in (self.grants.get(namespace), self.grants.get(repo or ""))
        return self.role == "write"


class Accounts:
    """The users of one Hub by token, kept in `tokens.json`, which only its owner may read.

    The tokens are kept in the clear: they open nothing but this folder, which whoever reads the file can read too.

    Args:
        file: where they are kept.
        clock: seconds since 1970.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._users: dict[str, User] = {}
        self._lent: dict[str, tuple[User, float]] = {}
        if file.exists():
            stored = json.loads(file.read_bytes())
            self._users = {token: _read_user(user) for token, user in stored.items()}

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

    def lend(self, user: User, seconds: int, prefix: str) -> str:
        """Answer a fresh token that is good for some seconds; it is in no file, and ends with this process."""
        token = prefix + secrets.token_urlsafe(32)
        with self._lock:
            present = {lent: value for lent, value in self._lent.items() if value[1] > self._clock()}
            self._lent = {**present, token: (user, self._clock() + seconds)}
        return token

    def writer(self) -> tuple[str, User] | None:
        """The first token that may write, and its user."""
        return next(((token, user) for token, user in self._users.items() if user.role == "write"), None)

    def named(self, name: str) -> User | None:
        """The user of that name, as the first of its tokens shows it."""
        return next((user for user in self._users.values() if user.name == name), None)

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
        user = self._holder(value.strip())
        if user is None:
            raise bad_credentials()
        return user

    def _holder(self, token: str) -> User | None:
        user, end = self._lent.get(token, (None, 0.0))
        return user if self._clock() < end else self._users.get(token)


def _read_user(stored: dict[str, Any]) -> User:
    """A user as it was written; JSON knows no tuples, and files of former versions fewer fields."""
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    return User(**known)
