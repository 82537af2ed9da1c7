"""`ORG/NAME@REVISION`: how the command line and the API name a revision. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubver.errors import BadInput

# The Hub's own rule: huggingface_hub.utils.validate_repo_id.
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True)
class Target:
    """A model repository, and perhaps a revision of it.

    Attributes:
        repo_id: `ORG/NAME`.
        revision: a tag, a branch, `refs/pr/N` or a sha, as it was typed; None if none was.
    """

    repo_id: str
    revision: str | None

    @classmethod
    def parse(cls, text: str, *, need_revision: bool = False) -> Target:
        """Read `ORG/NAME` or `ORG/NAME@REVISION`.

        Args:
            need_revision: whether the revision must be there.

        Raises:
            BadInput: it is neither, or the revision is missing.
        """
        repo_id, at, revision = text.partition("@")
        if not _REPO.fullmatch(repo_id) or "--" in repo_id or ".." in repo_id:
            raise BadInput(
                f"{text!r} does not name a repository.", expected="ORG/NAME@REVISION, such as acme/router@v1.0.0"
            )
        if (at and not revision) or (need_revision and not at):
            raise BadInput(
                f"{text!r} does not name a revision.",
                expected="ORG/NAME@REVISION, such as acme/router@v1.0.0",
                hint=f"See the versions with: hubver log {repo_id}",
            )
        return cls(repo_id, revision or None)

    @classmethod
    def repo(cls, text: str) -> str:
        """Read `ORG/NAME`, where a revision has no meaning.

        Raises:
            BadInput: it is no repository's name, or names a revision too.
        """
        target = cls.parse(text)
        if target.revision is not None:
            raise BadInput(
                f"{text!r} names a revision, but this is about the whole repository.", expected=target.repo_id
            )
        return target.repo_id

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id
