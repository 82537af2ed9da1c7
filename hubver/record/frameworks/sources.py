"""Datasets that a tool names: by a name that cannot say which rows they had, unless it names a commit too."""

from __future__ import annotations

import re
from pathlib import PurePath, PureWindowsPath
from typing import Any

from hubver.record.schema import DataSource
from hubver.record.secrets import redact

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_SHA = re.compile(r"[0-9a-f]{40}")
# What tools load from a path of this kind is a file, though a dataset on the Hub could have that name too.
_FILES = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".parquet", ".arrow", ".zst", ".gz")


def named(
    name: str, role: str, *, config: Any = None, split: Any = None, revision: Any = None, local: bool = False
) -> DataSource:
    """A dataset by its name.

    Args:
        name: an id on the Hub, a path, or the tool's own name.
        role: `train` or `eval`.
        config: its configuration, if that is text.
        split: its split, if that is text.
        revision: its revision; only a commit pins it.
        local: that it is no id on the Hub, whatever it looks like.
    """
    hub = not local and _HUB_ID.fullmatch(name) is not None and not name.lower().endswith(_FILES)
    # A path tells of the machine; its last part is a name.
    shown = name if hub or "://" in name else PurePath(PureWindowsPath(name).as_posix()).name or name
    return DataSource(
        name=redact(shown)[:200],
        role=role,
        config=config if isinstance(config, str) else None,
        split=split if isinstance(split, str) else None,
        hub_id=name if hub else None,
        hub_sha=revision if hub and isinstance(revision, str) and _SHA.fullmatch(revision) else None,
    )
