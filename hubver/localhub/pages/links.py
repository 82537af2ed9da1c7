"""Addresses of pages and files, from what they show."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from hubver.localhub.repos.repository import Repository


def address(repo: Repository, *parts: str | int) -> str:
    """Path of a page of `repo`; slashes inside a part are quoted, as the Hub wants it of revisions."""
    return "/" + "/".join([repo.url_path, *(quote(str(part), safe="") for part in parts)])


def file_address(repo: Repository, verb: str, revision: str, path: str) -> str:
    """Path of what `verb` (tree, blob, resolve, raw) shows of `path`; of the whole revision if that is empty."""
    start = address(repo, verb, revision)
    return f"{start}/{quote(path)}" if path else start


@dataclass(frozen=True)
class Base:
    """What the relative links of a text start from.

    Args:
        repo_path: path of the repo's page, with a slash at its start.
        revision: branch, tag or commit that the text is shown of.
        folder: where in the repo the text is.
    """

    repo_path: str
    revision: str
    folder: str = ""

    @staticmethod
    def of(repo: Repository, revision: str, folder: str = "") -> Base:
        """Links start in a folder of a revision."""
        return Base(f"/{repo.url_path}", revision, folder)

    def link(self, target: str) -> str | None:
        """Address that a link leads to; None for one that must lead nowhere."""
        return self._resolved(target, "blob", foreign=True)

    def image(self, target: str) -> str | None:
        """Address of an image; None for those of other hosts, which a page does not ask for anything."""
        return self._resolved(target, "resolve", foreign=False)

    def _resolved(self, target: str, verb: str, *, foreign: bool) -> str | None:
        try:
            parts = urlsplit(target.strip())
        except ValueError:
            return None
        if parts.scheme or parts.netloc:
            return target if foreign and parts.scheme in {"http", "https", "mailto"} else None
        if target.startswith("#"):
            return f"#{ANCHOR}{parts.fragment}"
        if parts.path.startswith("/"):
            # Browsers take a backslash for a slash, and two of them for another host.
            return None if "\\" in parts.path or parts.path.startswith("//") else target
        path = posixpath.normpath(posixpath.join(self.folder, unquote(parts.path)))
        if path == ".." or path.startswith("../"):
            return None
        rest = ("?" + parts.query if parts.query else "") + ("#" + parts.fragment if parts.fragment else "")
        place = f"{self.repo_path}/{verb}/{quote(self.revision, safe='')}"
        return (place if path == "." else f"{place}/{quote(path)}") + rest


ANCHOR = "card-"
"""What the names of headings in a text begin with, so that they are never those of the page around it."""
