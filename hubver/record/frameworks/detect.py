"""Look through an output folder for what its training tools left there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubver.record.frameworks import axolotl, llamafactory, trl, unsloth
from hubver.record.frameworks.place import Found, Place
from hubver.record.frameworks.sources import named
from hubver.record.schema import Gap, Seeds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.record.schema import DataSource

# The first that knows the folder wins: those that run others come before them.
_TOOLS = (axolotl, llamafactory, unsloth, trl)
_OF_CARD = "only those that the trainer's own card lists, whether they are defaults or not"


@dataclass(frozen=True)
class Seen:
    """What an output folder tells of its run.

    Attributes:
        training: fields of the record's training part.
        base: the name of the base model and its revision, where they are told.
        data: the datasets, pinned only where the tool named a commit.
        versions: of packages, by name, as the run had them.
        log: what a tool logged besides the trainer, oldest first.
        gaps: what is not known of all this.
    """

    training: dict[str, Any] = field(default_factory=dict)
    base: tuple[str, str | None] | None = None
    data: tuple[DataSource, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    log: tuple[dict[str, Any], ...] = ()
    gaps: tuple[Gap, ...] = ()


def look(folder: Path, configuration: Mapping[str, Any]) -> Seen:
    """Read what tools left in a folder; one that nobody knows tells nothing.

    Args:
        folder: the output folder, or a checkpoint in it.
        configuration: its `adapter_config.json`, or the `config.json` of a whole model.
    """
    place = Place(folder, configuration)
    found = next((known for tool in _TOOLS if (known := tool.recognise(place)) is not None), None)
    card = place.card
    arguments = {**card.arguments, **(found.arguments if found else {})}
    training: dict[str, Any] = {**_told(arguments), **card.training, "links": card.links}
    if found is not None:
        training |= {"framework": found.framework, "configuration": found.configuration}
    if arguments:
        training["arguments"] = arguments
    data = found.data if found and found.data else tuple(named(name, "train") for name in card.datasets)
    return Seen(
        training=training,
        base=(found.base if found else None) or ((card.base, None) if card.base else None),
        data=data,
        versions={**card.versions, **(found.versions if found else {})},
        log=found.log if found else (),
        gaps=tuple(_gaps(data, found, arguments)),
    )


def _told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the training part that an argument decides."""
    precision = next((name for name in ("bf16", "fp16") if arguments.get(name) is True), None)
    seed = arguments.get("seed")
    fields = {
        "scheduler": arguments.get("lr_scheduler_type"),
        "gradient_accumulation_steps": arguments.get("gradient_accumulation_steps"),
        "precision": precision,
        "seeds": Seeds(seed=seed) if type(seed) is int else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _gaps(data: tuple[DataSource, ...], found: Found | None, arguments: Mapping[str, Any]) -> list[Gap]:
    unpinned = [source for source in data if source.hub_sha is None]
    gaps = [Gap(field=f"data.{source.name}", reason="named without what pins its rows") for source in unpinned]
    if arguments and not (found and found.arguments):
        gaps.append(Gap(field="training.arguments", reason=_OF_CARD))
    return [*gaps, *(found.gaps if found else ())]
