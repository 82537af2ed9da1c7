"""People who have signed in with a browser: it keeps the name of a session, and the token never leaves this process."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST = 1000
_SAFE = {"GET", "HEAD"}


class Sessions:
    """The sessions of one running Hub; they end with it."""

    def __init__(self) -> None:
        # Cookies are shared by all ports of a host, so each Hub on it needs a name of its own.
        self.cookie = f"localhub-{secrets.token_hex(4)}"
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(self, token: str) -> str:
        """Open a session for whoever holds `token`, and answer its secret name; the oldest ends if there are too many."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[name] = token
            if len(self._tokens) > _MOST:
                self._tokens.pop(next(iter(self._tokens)))
        return name

    def end(self, name: str | None) -> None:
        """End a session, if there is one of that name."""
        with self._lock:
            self._tokens.pop(name or "", None)

    def authorization(self, request: Request) -> str | None:
        """What stands for an `Authorization` header where a browser looks at a page or a file; None without a session.

        A session lets nobody use the API, nor change anything, so no other site can have a browser do either.
        """
        if request.method not in _SAFE or request.scope["path"].startswith("/api/"):
            return None
        token = self._tokens.get(request.cookies.get(self.cookie, ""))
        return f"Bearer {token}" if token else None
