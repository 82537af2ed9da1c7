"""`lock`: write what an application runs into its repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.hub.client import Hub
from hubver.hub.events import Release
from hubver.locking import file as lock_file
from hubver.locking.document import LOCK_FILE, Lock
from hubver.locking.observe import observe
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hubver.locking.document import LockedBase, LockedModel


@dataclass(frozen=True)
class Change:
    """What became of one model's entry.

    Attributes:
        revision: what is asked for.
        before: what was locked; None for a new entry.
        after: what is locked now; None for one that was removed.
        base_before: the base that was locked, as `ORG/NAME@SHA`; None for a model that stands alone.
    """

    repo_id: str
    revision: str
    before: Release | None
    after: Release | None
    base_before: str | None
    base_after: str | None

    @property
    def base_changed(self) -> bool:
        """Whether the model that both entries stand on is another one."""
        return self.before is not None and self.after is not None and self.base_before != self.base_after


@dataclass(frozen=True)
class Locked:
    """What was done.

    Attributes:
        file: the lock file.
        written: whether it was; one that says the same already is not touched.
        changes: one for each model that was named.
    """

    file: Path
    written: bool
    changes: tuple[Change, ...]


def lock(
    *targets: str,
    file: Path | str = LOCK_FILE,
    update: bool = False,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Locked:
    """Pin models to the commits that their revisions mean now, and to the bytes of their files.

    Nothing is written unless all of them can be. What else the file holds stays, also what another process puts there at
    the same time.

    Args:
        targets: `ORG/NAME@REVISION` each. Without a revision, the one that the file asks for is meant; for a model that
            it does not hold yet, production.
        file: the lock file.
        update: only models that the file holds already, by `ORG/NAME`; all of them where none is named.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        BadInput: nothing is named, or twice; or the file cannot be replaced.
        BadDocument: the file is no lock file.
        NotFound, Tampered, Refused: see `hubver.locking.observe.observe`.
    """
    settings, path = settings or Settings.load(), Path(file)
    lock_file.check_writable(path)
    known = lock_file.read(path) if update else lock_file.read_if_there(path) or Lock()
    asked = _known(known, targets, path) if update else _asked(known, targets, settings.production)
    hub, models = Hub.of(settings), dict[str, "LockedModel | None"]()
    for repo_id, revision in asked.items():
        if progress is not None:
            progress(f"reading {repo_id}@{revision}")
        before = known.models.get(repo_id)
        models[repo_id] = observe(hub, repo_id, revision, production=settings.production, before=before)
    return _put(path, known, models)


def unlock(*repo_ids: str, file: Path | str = LOCK_FILE) -> Locked:
    """Take models out of a lock file.

    Raises:
        BadInput: none is named, or it does not hold one of them, or cannot be replaced.
        NotFound, BadDocument: there is no lock file, or it is none.
    """
    path = Path(file)
    lock_file.check_writable(path)
    known = lock_file.read(path)
    if not repo_ids:
        raise BadInput("No model was named.", expected="ORG/NAME", found=", ".join(known.models) or "no models")
    return _put(path, known, dict.fromkeys(_known(known, repo_ids, path)))


def _put(path: Path, known: Lock, models: Mapping[str, LockedModel | None]) -> Locked:
    written = lock_file.change(path, models)
    return Locked(path, written, tuple(_change(name, known.models.get(name), model) for name, model in models.items()))


def _asked(known: Lock, targets: Sequence[str], production: str) -> dict[str, str]:
    if not targets:
        raise BadInput("No model was named.", expected="ORG/NAME, or ORG/NAME@REVISION", hint="See: hubver lock --help")
    asked: dict[str, str] = {}
    for target in map(Target.parse, targets):
        if target.repo_id in asked:
            raise BadInput(f"{target.repo_id} is named twice, and a lock file holds one revision of a model.")
        before = known.models.get(target.repo_id)
        asked[target.repo_id] = target.revision or (before.revision if before else production)
    return asked


def _known(known: Lock, repo_ids: Sequence[str], path: Path) -> dict[str, str]:
    names = [Target.repo(text) for text in repo_ids] or list(known.models)
    return {name: known.model(name, source=str(path))[1].revision for name in names}


def _change(repo_id: str, before: LockedModel | None, after: LockedModel | None) -> Change:
    return Change(
        repo_id,
        next(model.revision for model in (after, before) if model is not None),
        _release(before),
        _release(after),
        _name(before.base) if before else None,
        _name(after.base) if after else None,
    )


def _release(model: LockedModel | None) -> Release | None:
    return Release(sha=model.sha, version=model.version) if model else None


def _name(base: LockedBase | None) -> str | None:
    return f"{base.repo_id}@{base.sha}" if base else None
