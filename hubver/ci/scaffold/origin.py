"""Which commit of hubver this is, so that the workflows that a project calls are those of exactly that commit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from hubver import __version__
from hubver.ci_settings import checked_repository
from hubver.errors import BadInput
from hubver.record.place import git

HOME = "hubver/hubver"
"""The repository that releases come from."""

_SHA = re.compile(r"[0-9a-f]{40}")
_GITHUB = re.compile(r"(?:^|[@/])github\.com[:/](?P<name>[^/\s]+/[^/\s]+?)(?:\.git)?/?$")
# The build writes it: hatch_build.py.
_BUILT_FROM = "commit.txt"


@dataclass(frozen=True)
class Origin:
    """Where workflows are called from.

    Attributes:
        repository: `OWNER/REPO` on GitHub.
        commit: the full sha.
        version: what to call it, for people and for dependabot; None where it is not known.
    """

    repository: str
    commit: str
    version: str | None

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read `OWNER/REPO@SHA`.

        Raises:
            BadInput: it is not that, or names a branch or tag, which may move.
        """
        repository, _, commit = text.partition("@")
        try:
            checked_repository(repository)
        except ValueError:
            commit = ""
        if not _SHA.fullmatch(commit):
            raise BadInput(
                f"{text!r} does not pin workflows.",
                expected=f"OWNER/REPO@SHA with a commit's 40 digits, such as {HOME}@{'0123456789' * 4}",
            )
        return cls(repository, commit, None)

    def __str__(self) -> str:
        return f"{self.repository}@{self.commit}"


def find() -> Origin:
    """The commit that this hubver was built from, or installed from, or is a checkout of.

    Raises:
        BadInput: nothing says so.
    """
    url, installed = _installed_from()
    here = Path(__file__).parent
    commit = _built_from(here) or installed
    if commit is None and git.text(here, "ls-files", "--error-unmatch", Path(__file__).name):
        commit, url = git.text(here, "rev-parse", "HEAD"), git.text(here, "remote", "get-url", "origin")
    if commit is None or not _SHA.fullmatch(commit):
        raise BadInput(
            "This hubver does not know the commit it was built from, so it cannot pin the workflows to call.",
            hint=f"Name the repository and the commit of a release: --pin {HOME}@SHA",
        )
    return Origin((url and on_github(url)) or HOME, commit, f"v{__version__}")


def on_github(remote: str) -> str | None:
    """`OWNER/REPO` of a remote's address; None if it is not on github.com."""
    found = _GITHUB.search(remote)
    try:
        return checked_repository(found["name"]) if found else None
    except ValueError:
        return None


def _built_from(folder: Path) -> str | None:
    try:
        return (folder / _BUILT_FROM).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _installed_from() -> tuple[str | None, str | None]:
    """Address and commit of an installation from git (PEP 610, `direct_url.json`)."""
    try:
        found = json.loads(distribution("hubver").read_text("direct_url.json") or "{}")
        return found["url"], found["vcs_info"]["commit_id"]
    except (PackageNotFoundError, ValueError, KeyError, TypeError):
        return None, None
