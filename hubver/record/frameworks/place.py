"""An output folder as the modules of this package look at it, and what one of them finds there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hubver.record.draft import FINAL_FOLDER
from hubver.record.frameworks import bounded
from hubver.record.frameworks.cards import Card

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.record.schema import DataSource, Gap


@dataclass(frozen=True)
class Place:
    """An output folder.

    Attributes:
        folder: what is published.
        configuration: its `adapter_config.json`, or the `config.json` of a whole model.
    """

    folder: Path
    configuration: Mapping[str, Any]

    @cached_property
    def run_folder(self) -> Path:
        """Where the run wrote what is about all of it: for a checkpoint or the callback's own copy, the folder above."""
        folder = self.folder.resolve()
        return folder.parent if folder.name.startswith("checkpoint-") or folder.name == FINAL_FOLDER else folder

    @cached_property
    def card(self) -> Card:
        """The card that a trainer wrote into the run's folder, else into this one; empty where none did."""
        cards = (Card.read(bounded.text_of(place / "README.md") or "") for place in (self.run_folder, self.folder))
        return next((card for card in cards if card.generated), Card())


@dataclass(frozen=True)
class Found:
    """What a tool tells of a run.

    Attributes:
        framework: the tool's name, as the record has it.
        configuration: its own configuration, redacted; None where it leaves none.
        arguments: those of the trainer that the tool is certain to have passed on.
        base: the base model as the tool was told it, with its revision.
        data: the datasets it was told.
        versions: of packages, by name, as the run had them.
        log: the tool's own log of the run, in the trainer's words, oldest first.
        gaps: what is not known of all this.
    """

    framework: str
    configuration: dict[str, Any] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    base: tuple[str, str | None] | None = None
    data: tuple[DataSource, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    log: tuple[dict[str, Any], ...] = ()
    gaps: tuple[Gap, ...] = ()
