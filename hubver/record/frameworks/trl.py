"""TRL on its own: the card says so (`trl/templates/lm_model_card.md`); it leaves no configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.record.frameworks.place import Found

if TYPE_CHECKING:
    from hubver.record.frameworks.place import Place


def recognise(place: Place) -> Found | None:
    """What TRL tells of its run; None where it was another tool's."""
    return Found("trl") if "trl" in place.card.tags else None
