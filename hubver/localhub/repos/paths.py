"""Paths in a repo, and addresses that hold a revision followed by one."""

from __future__ import annotations

import re
from urllib.parse import unquote

from dulwich.index import validate_path_element_hfs, validate_path_element_ntfs

from hubver.localhub.errors import HubError

_LONGEST_NAME = 255
_NO_NAMES = {b"", b".", b".."}
# The client quotes a revision's slashes; people and browsers write refs/pr/7 as it is.
_REVISION = re.compile(r"(refs/(?:pr|convert|heads|tags)/[^/]+|[^/]+)(?:/(.*))?", re.DOTALL)


def split_revision(rest: str) -> tuple[str, str]:
    """Split a URL-quoted `<revision>[/<path>]`, and unquote both.

    >>> split_revision("refs%2Fpr%2F7/a%20b.txt")
    ('refs/pr/7', 'a b.txt')
    """
    found = _REVISION.fullmatch(rest)
    if found is None:
        return "", ""
    return unquote(found[1]), unquote(found[2] or "").rstrip("/")


def is_plain_name(name: bytes) -> bool:
    """Whether a file or folder may have this name: one that no file system takes for `.git`, `.` or `..`.

    It may hold backslashes, as on the Hub, though none before a `.git`, which stock git would not check out.
    """
    return (
        name not in _NO_NAMES
        and len(name) <= _LONGEST_NAME
        and not {0, ord("/")} & set(name)
        and all(
            part in _NO_NAMES or (validate_path_element_ntfs(part) and validate_path_element_hfs(part))
            for part in name.split(b"\\")
        )
    )


def checked_path(path: str) -> str:
    """Answer a path in a repo, without a slash at its end.

    Raises:
        HubError: 422 if it is not the plain path of something inside the repo. One that begins by climbing out as on
            Windows is none; one that climbs later is, as on the Hub.
    """
    path = path.rstrip("/")
    if path.startswith("..\\") or not all(
        is_plain_name(name) for name in path.encode("utf-8", "surrogatepass").split(b"/")
    ):
        raise HubError(422, f"Invalid path in repo: {path!a}")
    return path
