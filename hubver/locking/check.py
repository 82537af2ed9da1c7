"""`lock --check`: does every pin of a lock file still hold? For an application's CI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput, NotFound
from hubver.hub.client import Hub
from hubver.hub.contents import is_sha
from hubver.hub.events import Release
from hubver.locking import file as lock_file
from hubver.locking import rules, witness
from hubver.locking.document import LOCK_FILE
from hubver.locking.observe import base_files
from hubver.locking.rules import Fault
from hubver.pins import record_bytes, to_pin, version_of
from hubver.record import digest
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubver.hub.contents import Refs, StoredFile
    from hubver.locking.document import LockedBase, LockedModel


@dataclass(frozen=True)
class Moved:
    """A revision that means another commit now than when it was locked.

    Attributes:
        now: None where there is no such channel or tag any more.
    """

    revision: str
    locked: Release
    now: Release | None

    def __str__(self) -> str:
        now = f"is at {self.now} ({self.now.sha[:8]}) now" if self.now else "is gone"
        return f"{self.revision} {now}, locked is {self.locked} ({self.locked.sha[:8]})"


@dataclass(frozen=True)
class Model:
    """What became of one pin.

    Attributes:
        faults: why it no longer holds.
        moved: set where what was asked for means another commit now: it is time for `hubver lock --update`.
    """

    repo_id: str
    sha: str
    version: str | None
    faults: tuple[Fault, ...]
    moved: Moved | None


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        current: whether a pin that is not what its revision means now is a fault.
    """

    file: Path
    current: bool
    models: tuple[Model, ...]

    @property
    def passed(self) -> bool:
        """Whether every pin holds."""
        return not any(model.faults or (self.current and model.moved) for model in self.models)


def check_lock(
    file: Path | str = LOCK_FILE,
    *,
    current: bool = False,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Hold every pin of a lock file against the Hub, without downloading weights.

    Five requests a model: refs, files, record, ledger, files of the base; one more where the ledger has grown by twenty
    events since, eleven more at most. Models on the same base share its request; a Hub may list very many files in parts.
    The Hub's word is taken for what it stores; `load` and `hubver verify --download` read the bytes.

    Args:
        current: whether a pin that is not what its revision means now fails too.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        NotFound: there is no lock file.
        BadInput: it locks nothing.
        BadDocument: it is none.
        BadToken, HubUnreachable, HubFailed: the Hub could not be asked, so nothing is known.
    """
    settings = settings or Settings.load()
    checker = _Checker(Hub.of(settings))
    locked = lock_file.read(file).models
    if not locked:
        raise BadInput(
            f"{file} locks no model, so there is nothing to check.", hint="Lock one with: hubver lock ORG/NAME"
        )
    models = []
    for repo_id, model in locked.items():
        if progress is not None:
            progress(f"checking {repo_id} ({model.version or model.sha[:8]})")
        models.append(checker.check(repo_id, model, settings.production))
    return Report(Path(file), current, tuple(models))


class _Checker:
    """Checks one model after another; what several stand on is asked for once."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._bases: dict[tuple[str, str], dict[str, StoredFile]] = {}

    def check(self, repo_id: str, locked: LockedModel, production: str) -> Model:
        try:
            refs = self._hub.refs(repo_id)
        except NotFound as error:
            return Model(repo_id, locked.sha, locked.version, (_gone("repository", repo_id, error),), None)
        faults = (
            *self._commit(repo_id, locked),
            *rules.of_tag(locked, refs),
            *self._ledger(repo_id, locked, refs),
            *(self._base(locked.base) if locked.base else ()),
        )
        return Model(repo_id, locked.sha, locked.version, faults, _moved(locked, refs, production))

    def _commit(self, repo_id: str, locked: LockedModel) -> Iterator[Fault]:
        try:
            stored = self._hub.files(repo_id, locked.sha)
        except NotFound as error:
            yield _gone("commit", locked.sha, error)
            return
        yield from rules.of_files(locked.files, stored)
        try:
            raw = record_bytes(self._hub, to_pin(repo_id, locked))
            record = RunRecord.from_bytes(raw, source=RECORD_FILE)
        except (NotFound, BadDocument) as error:
            yield Fault("record", "it cannot be read", f"sha256 {locked.record_sha256}", error.fact)
        else:
            yield from rules.of_record(locked, record, digest.sha256(raw))

    def _ledger(self, repo_id: str, locked: LockedModel, refs: Refs) -> Iterator[Fault]:
        try:
            seen = witness.look(self._hub, repo_id, refs, locked.ledger)
        except BadDocument as error:
            yield Fault("ledger", "its newest event cannot be read", "an event", error.fact)
            return
        if seen.fault is not None:
            yield seen.fault
        yield from rules.of_quarantine(locked, seen.state)

    def _base(self, base: LockedBase) -> Iterator[Fault]:
        name = base.repo_id, base.sha
        try:
            if name not in self._bases:
                self._bases[name] = base_files(self._hub.files(*name))
        except NotFound as error:
            yield _gone(f"base {base.repo_id}", base.sha, error)
            return
        yield from rules.of_files(base.files, self._bases[name], of=f"base {base.repo_id} ")


def _gone(subject: str, expected: str, error: NotFound) -> Fault:
    return Fault(subject, "it cannot be found", expected, error.fact)


def _moved(locked: LockedModel, refs: Refs, production: str) -> Moved | None:
    """Where what was asked for is now, if elsewhere; a sha never moves."""
    asked = locked.revision
    sha = refs.branches.get(asked) if asked == production else refs.find(asked)
    if sha == locked.sha or (sha is None and is_sha(asked)):
        return None
    now = Release(sha=sha, version=version_of(refs, sha)) if sha else None
    return Moved(asked, Release(sha=locked.sha, version=locked.version), now)
