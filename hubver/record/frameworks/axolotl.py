"""axolotl: it copies its configuration into the card (`axolotl/train.py`, `setup_model_card`), and nowhere else.

The copy is the file as the user wrote it: what they changed on the command line is not in it. So of the trainer's
arguments only those count that transformers lists further down in the same card.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubver.record.frameworks import bounded
from hubver.record.frameworks.place import Found
from hubver.record.frameworks.sources import named
from hubver.record.schema import Gap

if TYPE_CHECKING:
    from hubver.record.frameworks.place import Place
    from hubver.record.schema import DataSource

_BADGE = 'alt="Built with Axolotl"'
_COPY = "\n<details><summary>See axolotl config</summary>\n"
_VERSION = re.compile(r"\s{0,9}axolotl version: `(?P<version>[^`\n]{1,50})`\n```yaml(?=\n)")
_END = "\n```\n\n</details>"


def recognise(place: Place) -> Found | None:
    """What axolotl tells of its run; None where it was another tool's."""
    if _BADGE not in place.card.text:
        return None
    copy = place.card.text.partition(_COPY)[2]
    version = _VERSION.match(copy)
    if version is None:
        reason = "axolotl's card holds no copy of it"
        return Found("axolotl", gaps=(Gap(field="training.configuration", reason=reason),))
    versions = {"axolotl": version["version"]}
    try:
        given = bounded.yaml_of(copy[version.end() :].partition(_END)[0].removeprefix("\n"))
    except ValueError as error:
        gap = Gap(field="training.configuration", reason=f"the copy in axolotl's card cannot be read: {error}")
        return Found("axolotl", versions=versions, gaps=(gap,))
    # `model_revision` is its older name (`axolotl/utils/schemas/deprecated.py`).
    revision = given.get("revision_of_model", given.get("model_revision"))
    base = given.get("base_model")
    return Found(
        "axolotl",
        bounded.published(given),
        base=(base, revision if isinstance(revision, str) else None) if isinstance(base, str) else None,
        data=(*_sources(given, "datasets", "train"), *_sources(given, "test_datasets", "eval")),
        versions=versions,
        gaps=(
            Gap(field="training.configuration", reason="as the file says; axolotl's command line may say otherwise"),
        ),
    )


def _sources(given: dict[str, Any], key: str, role: str) -> list[DataSource]:
    listed = given.get(key)
    return [
        named(item["path"], role, config=item.get("name"), split=item.get("split"), revision=item.get("revision"))
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict) and isinstance(item.get("path"), str)
    ]
