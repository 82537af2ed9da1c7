"""Unsloth: it leaves marks and no configuration.

It marks the adapter's configuration (`unsloth_zoo/hf_utils.py`, `fix_lora_auto_mapping`), the model's
(`unsloth/models/_utils.py`, `patch_tokenizer`: `unsloth_version`) and the tags of the card
(`unsloth/models/loader.py`, `add_model_tags`). A base from Unsloth's own repos is no mark: anyone may train on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.record.frameworks import bounded
from hubver.record.frameworks.place import Found

if TYPE_CHECKING:
    from hubver.record.frameworks.place import Place


def recognise(place: Place) -> Found | None:
    """What Unsloth tells of its run; None where it was another tool's."""
    mapping = place.configuration.get("auto_mapping")
    marked = isinstance(mapping, dict) and mapping.get("unsloth_fixed") is True
    version = place.configuration.get("unsloth_version") or bounded.json_of(place.folder / "config.json").get(
        "unsloth_version"
    )
    known = {"unsloth": version[:50]} if isinstance(version, str) else {}
    return Found("unsloth", versions=known) if marked or known or "unsloth" in place.card.tags else None
