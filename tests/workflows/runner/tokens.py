"""Tokens of GitHub, and what each may do."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """What a token is good for.

    Attributes:
        repository: the one it was made for.
        permissions: its scopes with their levels.
        holder: `integration` for a job's token, `personal access token` for a person's.
        login: who acts with it.
    """

    repository: str
    permissions: dict
    holder: str
    login: str


class Tokens:
    """The tokens that are good now."""

    def __init__(self):
        self._lock = threading.Lock()
        self._good = {}

    def for_job(self, repository, permissions):
        """A job's GITHUB_TOKEN."""
        return self._keep("ghs_", Grant(repository, permissions, "integration", "github-actions[bot]"))

    def for_person(self, repository, login, *, token=None, **permissions):
        """A fine-grained token of a person, for one repository: `contents="write"`; a new one, or that which is given."""
        return self._keep("github_pat_", Grant(repository, permissions, "personal access token", login), token)

    def find(self, token):
        """What a token may do, or None."""
        with self._lock:
            return self._good.get(token)

    def revoke(self, token):
        with self._lock:
            self._good.pop(token, None)

    def _keep(self, prefix, grant, token=None):
        token = token or prefix + secrets.token_hex(18)
        with self._lock:
            self._good[token] = grant
        return token
