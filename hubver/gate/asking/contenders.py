"""Who stands before the gate: a pinned revision on the Hub, or a local folder that was not pushed yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotFound

if TYPE_CHECKING:
    from hubver.gate.engine import ModelSource
    from hubver.pins import Pin
    from hubver.settings import Settings

_ADAPTER_CONFIG = "adapter_config.json"


@dataclass(frozen=True)
class Contender:
    """A model that takes part in a gate.

    Attributes:
        name: candidate or production.
        pin: the exact revision; None for a local folder.
        folder: the local folder; None for a revision.
        without_adapter: whether its base model is meant, asked through its own tokenizer.
    """

    name: str
    pin: Pin | None = None
    folder: Path | None = None
    without_adapter: bool = False

    @property
    def revision(self) -> str:
        """As it was asked for."""
        return self.pin.revision if self.pin else str(self.folder)

    @property
    def sha(self) -> str | None:
        """The commit; None for a local folder."""
        return self.pin.sha if self.pin else None

    @property
    def base(self) -> Contender | None:
        """Its base model, which answers what it would without its adapter; None for a whole model."""
        is_adapter = self.pin.is_adapter if self.pin else (self.folder or Path()).joinpath(_ADAPTER_CONFIG).is_file()
        return replace(self, name="base", without_adapter=True) if is_adapter else None

    @property
    def identity(self) -> dict[str, str] | None:
        """What its answers depend on, where that can never change; None for a folder, and for a base that may move."""
        if self.pin is None or (self.pin.is_adapter and self.pin.base_revision is None):
            return None
        base = {"base": self.pin.base_id or "", "base_sha": self.pin.base_revision or ""} if self.pin.is_adapter else {}
        part = {"part": "base"} if self.without_adapter else {}
        return {"repo": self.pin.repo_id, "sha": self.pin.sha, **base, **part}

    def source(self, settings: Settings) -> ModelSource:
        """The files on this machine, downloaded where they are not here yet.

        Raises:
            NotFound, HubFailed: the Hub does not have them, or gives no answer.
            BadInput: the base model, or its commit, is not named.
        """
        from hubver.gate.asking.quiet import library
        from hubver.gate.engine import ModelSource
        from hubver.pins import fetch, fetch_base

        with library(f"fetching {self.name}"):
            if self.pin is not None:
                folder = fetch(settings, self.pin)
                base = fetch_base(settings, self.pin) if self.pin.is_adapter else None
            else:
                folder = self.folder or Path()
                base = _base_of_folder(folder, settings)
            if self.without_adapter and base is not None:
                return ModelSource(self.name, base, tokenizer=folder, remote_code=settings.runs_remote_code)
            return ModelSource(self.name, folder, base, remote_code=settings.runs_remote_code)


def find_candidate(settings: Settings, asked: str) -> Contender:
    """The candidate: `ORG/NAME@REVISION`, or a folder.

    Raises:
        BadInput: it is neither, or no revision is named.
        NotFound: the Hub does not have it.
    """
    if _is_folder(asked):
        return Contender("candidate", folder=Path(asked).resolve())
    if "@" not in asked:
        raise BadInput(
            f"The candidate {asked!r} names no revision, and is no folder here.",
            expected="ORG/NAME@REVISION or a folder",
            hint=f"Name the version to judge, such as: --candidate {asked}@v1.0.0",
        )
    return Contender("candidate", pin=_resolve(settings, asked))


def find_production(settings: Settings, candidate: Contender, asked: str | None) -> Contender | None:
    """What the candidate would replace.

    Args:
        settings: its `channel` names the branch to look at if nothing is asked.
        candidate: found before, so a missing branch means a first release and not a missing repository.
        asked: a revision of the candidate's repository, `ORG/NAME@REVISION` or a folder; None for the branch.

    Returns:
        None where there is no production yet: a first release.

    Raises:
        NotFound: what was asked for does not exist.
    """
    if asked is not None:
        if _is_folder(asked):
            return Contender("production", folder=Path(asked).resolve())
        if "@" not in asked and candidate.pin is None:
            raise BadInput(
                f"The production {asked!r} is no folder, and a local candidate has no repository to look it up in.",
                expected="ORG/NAME@REVISION or a folder",
            )
        where = asked if "@" in asked else f"{candidate.pin.repo_id if candidate.pin else ''}@{asked}"
        return Contender("production", pin=_resolve(settings, where))
    if candidate.pin is None:
        return None
    revision = settings.channel
    if settings.rules.repo is not None:
        from hubver import copies

        source = copies.running(settings, candidate.pin.repo_id)
        if source is None:
            return None
        revision = source.sha
    try:
        pin = _resolve(settings, f"{candidate.pin.repo_id}@{revision}")
    except NotFound:
        return None
    return Contender("production", pin=pin)


def _is_folder(asked: str) -> bool:
    return "@" not in asked and Path(asked).is_dir()


def _resolve(settings: Settings, text: str) -> Pin:
    from hubver.pins import resolve

    return resolve(text, settings=settings)


def _base_of_folder(folder: Path, settings: Settings) -> Path | None:
    """The base of an adapter that lies here: a folder, or a repository on the Hub at the commit it names (or main)."""
    from hubver.pins import fetch_base

    path = folder / _ADAPTER_CONFIG
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        base, revision = config["base_model_name_or_path"], config.get("revision")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{path} does not name a base model.", expected="JSON with base_model_name_or_path") from None
    for local in (Path(base), folder / base):
        if local.is_dir():
            return local
    pin = _resolve(settings, f"{base}@{revision or 'main'}")
    return fetch_base(settings, replace(pin, base_id=pin.repo_id, base_revision=pin.sha, is_adapter=True))
