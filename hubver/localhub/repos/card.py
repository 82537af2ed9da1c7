"""The metadata of a repo: the YAML block at the head of its README."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from hubver.localhub.repos.licenses import LICENSES

if TYPE_CHECKING:
    from hubver.localhub.repos.repository import Kind

_BLOCK = re.compile(r"\A(?:\ufeff)?\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


_MOST_VALUES = 100_000
_UNREADABLE = (
    yaml.YAMLError,
    ValueError,
    RecursionError,
)  # the last two for the 99th of a month, and a thousand brackets


def read_card(readme: str) -> dict[str, Any]:
    """The metadata as plain JSON values; empty where there is none, or none that can be read."""
    block = _BLOCK.match(readme)
    try:
        found = yaml.safe_load(block[1]) if block else None
    except _UNREADABLE:
        return {}
    if not isinstance(found, dict) or not _is_small(found):
        return {}
    # YAML knows dates and NaN, JSON does not.
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str, skipkeys=True), parse_constant=lambda _: None)
    return plain


def _is_small(value: object) -> bool:
    """Whether a value is small when written out: in YAML it can hold itself, or one thing a billion times."""
    todo, seen = [value], 0
    while todo and seen <= _MOST_VALUES:
        seen += 1
        item = todo.pop()
        if isinstance(item, dict | list):
            todo.extend(item.values() if isinstance(item, dict) else item)
    return not todo


def without_metadata(readme: str) -> str:
    """What people read of a README."""
    return _BLOCK.sub("", readme, count=1)


def check_card(readme: str) -> list[dict[str, str]]:
    """What is wrong with the metadata, as the Hub's validator answers it."""
    block = _BLOCK.match(readme)
    if not block:
        return []
    try:
        found = yaml.safe_load(block[1])
    except _UNREADABLE as error:
        return [{"message": f"Invalid YAML in the metadata: {error}"}]
    if found is not None and not isinstance(found, dict):
        return [{"message": "The metadata must be a mapping"}]
    return _wrong_values(found or {})


def _wrong_values(card: dict[str, Any]) -> list[dict[str, str]]:
    wrong = []
    if not isinstance(card.get("model-index", []), list):
        wrong.append('"model-index" must be an array')
    license_ = card.get("license")
    if any(name not in LICENSES for name in (license_ if isinstance(license_, list) else [license_ or "unknown"])):
        wrong.append(f'"license" must be one of [{", ".join(LICENSES)}]')
    return [{"message": message} for message in wrong]


_DATASET_TAGS = ("language", "language_creators", "multilinguality", "size_categories", "task_categories", "task_ids")


def card_tags(card: dict[str, Any], kind: Kind) -> list[str]:
    """The tags that the Hub derives from the metadata."""
    tags = texts(card.get("tags"))
    if kind == "dataset":
        tags += [f"{key}:{value}" for key in _DATASET_TAGS for value in texts(card.get(key))]
    else:
        tags += [*texts(card.get("language")), *(["co2_eq_emissions"] if "co2_eq_emissions" in card else [])]
    tags += texts(card.get("library_name")) + texts(card.get("pipeline_tag"))
    for key, prefix in (("license", "license"), ("base_model", "base_model"), ("datasets", "dataset")):
        tags += [f"{prefix}:{value}" for value in texts(card.get(key))]
    return list(dict.fromkeys(tags))


def texts(value: object) -> list[str]:
    """The texts in a field that may hold one or a list."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item]
