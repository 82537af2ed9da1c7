"""What a person names as a revision, found: a commit on the Hub, or a folder here, with the record of its run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import NotFound
from hubver.hub.client import Hub
from hubver.pins import find_sha, version_of
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.target import Target

if TYPE_CHECKING:
    from hubver.hub.contents import Refs
    from hubver.settings import Settings


@dataclass(frozen=True)
class Revision:
    """A commit of a repository, or a folder.

    Attributes:
        asked: as it was typed.
        repo_id: None for a folder.
        revision: what of the repository was asked for.
        sha: the commit.
        version: the version tag on it.
        folder: None for a commit.
    """

    asked: str
    repo_id: str | None = None
    revision: str | None = None
    sha: str | None = None
    version: str | None = None
    folder: Path | None = None

    def __str__(self) -> str:
        if self.folder is not None:
            return str(self.folder)
        return f"{self.repo_id}@{self.version or self.revision} ({(self.sha or '')[:8]})"


class Finder:
    """Finds revisions; the refs of a repository are asked for once.

    Args:
        settings: which Hub, and what production is called.
    """

    def __init__(self, settings: Settings) -> None:
        self.hub = Hub.of(settings)
        self._production = settings.production
        self._refs: dict[str, Refs] = {}

    def find(self, text: str, *, beside: Revision | None = None) -> Revision:
        """What a text names.

        Args:
            text: a folder, `ORG/NAME@REVISION`, or `ORG/NAME` for what is in production.
            beside: a revision of whose repository a bare `v1.2.0` is one.

        Raises:
            BadInput: it is none of these.
            NotFound: the Hub does not have it.
        """
        if "@" not in text and Path(text).is_dir():
            return Revision(text, folder=Path(text))
        if text.startswith((".", "/", "~")):
            raise NotFound(f"There is no folder {text}.", hint="Name a folder, or ORG/NAME@REVISION.")
        if "/" not in text and beside is not None and beside.repo_id is not None:
            text = f"{beside.repo_id}@{text.removeprefix('@')}"
        target = Target.parse(text)
        refs = self._refs.get(target.repo_id) or self.hub.refs(target.repo_id)
        self._refs[target.repo_id] = refs
        name = target.revision or self._production
        sha = find_sha(self.hub, target.repo_id, name, refs, production=self._production)
        return Revision(text, target.repo_id, name, sha, version_of(refs, sha))

    def record(self, revision: Revision) -> RunRecord | None:
        """The record of the run that made a revision; None for one that hubver did not publish.

        Of a folder that has not been published it is what a push would publish now.

        Raises:
            BadDocument: the record cannot be read.
            BadInput, Unsafe: the folder is none that could be published.
        """
        if revision.folder is not None:
            return _local(revision.folder)
        assert revision.repo_id is not None  # noqa: S101  # for the type checker: it is no folder
        assert revision.sha is not None  # noqa: S101  # likewise
        raw = self.hub.read_if_there(revision.repo_id, revision.sha, RECORD_FILE)
        return None if raw is None else RunRecord.from_bytes(raw, source=f"{RECORD_FILE} of {revision}")


def _local(folder: Path) -> RunRecord:
    from hubver.record import capture

    published = folder / RECORD_FILE
    if published.is_file() and not (folder / capture.RUN_FILE).is_file():
        return RunRecord.from_bytes(published.read_bytes(), source=str(published))
    found = capture.complete(
        folder,
        repo_id="",
        version=None,
        message=None,
        resolve_base=_unasked,
        now=datetime.now(timezone.utc),
    )
    return found.record.model_copy(update={"repo_id": None})


def _unasked(base_id: str, _revision: str) -> str:
    """What the run itself did not know of its base stays a gap: no Hub is asked about a folder."""
    raise NotFound(f"The commit of {base_id} was not asked for.")


def need_record(revision: Revision, record: RunRecord | None, hint: str) -> RunRecord:
    """The record, or an error that says what to do without one.

    Raises:
        NotFound: there is none.
    """
    if record is None:
        raise NotFound(f"{revision} has no {RECORD_FILE}: it was not published by hubver.", hint=hint)
    return record
