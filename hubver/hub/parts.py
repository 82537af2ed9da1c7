"""Parts of large files, read from the Hub without the rest: HTTP range requests (RFC 9110, section 14).

The Hub answers `resolve` of a large file with a redirect to a signed address on another origin, good for an hour
(hub docs, "Downloading models"); it is asked for once a file, and the token goes to the Hub alone.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from hubver import __version__
from hubver.errors import HubFailed, HubUnreachable
from hubver.hub.answers import PASSING_STATUSES, translated

if TYPE_CHECKING:
    from hubver.hub.client import Hub

_TIMEOUT_S = 30.0
_TRIES = 3
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


class RemoteFile:
    """One file of one commit.

    Attributes:
        name: its path in the repository.
        size: its bytes.
        digest: what the Hub knows it by: sha256 of a large file, git's sha1 of a small one. Equal for equal content.
        start: its first bytes, read when it was opened.

    Args:
        first: how many bytes to read at once.

    Raises:
        NotFound: there is no such file.
        HubFailed: the Hub gives no parts of files.
    """

    def __init__(self, hub: Hub, repo_id: str, sha: str, path: str, *, first: int) -> None:
        self.name = path
        self._hub = hub
        self._subject = f"{repo_id}@{sha[:8]}:{path}"
        self._resolve = f"{hub.endpoint}/{repo_id}/resolve/{quote(sha, safe='')}/{quote(path)}"
        self._address = self._resolve
        self.size = 0
        self.digest = ""
        self.start = bytes(self._read(0, first))

    def read(self, start: int, end: int) -> memoryview:
        """The bytes from `start` up to `end`, in one request.

        Raises:
            HubUnreachable, HubFailed: they did not arrive; a passing failure is tried three times.
        """
        return self._read(start, end)

    def _read(self, start: int, end: int) -> memoryview:
        for attempt in range(1, _TRIES + 1):
            try:
                with translated(self._hub.endpoint, self._subject):
                    found = self._ask(start, end)
            except HubUnreachable as error:
                if attempt == _TRIES or "refused" in str(error.found):
                    raise
            else:
                if found is not None:
                    return found
            # Nothing came of it, perhaps because the signed address has expired: ask the Hub anew.
            self._address = self._resolve
            time.sleep(0.2 * 4 ** (attempt - 1))
        raise HubFailed(
            f"{self._hub.endpoint} did not serve {self._subject} whole.",
            expected=f"bytes {start} to {end}",
            hint="Run the same command again.",
        )

    def _ask(self, start: int, end: int) -> memoryview | None:
        """One request; None where another try may do better."""
        from huggingface_hub.utils import get_session, hf_raise_for_status

        headers = {**self._headers(), "Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        with get_session().stream(
            "GET", self._address, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True
        ) as answer:
            signed = self._address != self._resolve
            if answer.status_code in PASSING_STATUSES or (signed and answer.status_code >= 400):
                return None
            if answer.status_code == 416 and start == 0:
                return memoryview(b"")
            if answer.status_code >= 400:
                answer.read()
                hf_raise_for_status(answer)
            self._learn(answer, start, end)
            return _filled(answer, min(end, self.size) - start)

    def _learn(self, answer: Any, start: int, end: int) -> None:
        total = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
        whole = answer.headers.get("content-length", "")
        if total is not None:
            self.size = int(total[1])
        elif start == 0 and whole.isdecimal() and int(whole) <= end:
            self.size = int(whole)
        else:
            raise HubFailed(f"{self._hub.endpoint} sends {self.name} only whole, and hubver needs a part of it.")
        first = (answer.history or [answer])[0]
        self.digest = self.digest or (first.headers.get("x-linked-etag") or first.headers.get("etag", "")).strip('W/"')
        # A redirect within the Hub is one of names, and needs the token; one to elsewhere leads to a signed address.
        if _origin(str(answer.url)) != _origin(self._resolve):
            self._address = str(answer.url)

    def _headers(self) -> dict[str, str]:
        from huggingface_hub.utils import build_hf_headers

        token = self._hub.token.get_secret_value() if self._hub.token and self._address == self._resolve else False
        headers: dict[str, str] = build_hf_headers(token=token, library_name="hubver", library_version=__version__)
        return headers


def _filled(answer: Any, size: int) -> memoryview | None:
    """The body, written once into memory that is made for it; None where it was cut short."""
    buffer, position = memoryview(bytearray(size)), 0
    for piece in answer.iter_raw():
        end = position + len(piece)
        if end > size:
            return None
        buffer[position:end] = piece
        position = end
    return buffer if position == size else None


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
