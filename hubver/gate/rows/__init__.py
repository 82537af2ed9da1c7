"""Rows of a task: in memory, from a file, or from a dataset on the Hub at an exact commit.

``files``  JSON, JSON Lines, CSV and Parquet      ``hub``  datasets on the Hub, and what pins them
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubver.gate.rows.files import SUFFIXES, Row, checked, parse
from hubver.gate.rows.hub import HubRows, HubSplit, hub_rows, hub_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.settings import Settings


__all__ = ["SUFFIXES", "HubRows", "HubSplit", "Row", "hub_rows", "hub_split", "read_rows"]


def read_rows(source: Sequence[Row] | str | Path | HubRows | HubSplit, folder: Path, settings: Settings) -> list[Row]:
    """Read the rows of a task.

    Args:
        source: the rows themselves, a file, or a pinned dataset on the Hub.
        folder: what a relative file is relative to: the folder of the gates file.
        settings: the Hub's address and token.

    Raises:
        BadInput: the file is not rows; the message names the line.
        NotFound: there is no such file, or the Hub has no such dataset, commit or file.
        HubFailed: the Hub could not be asked.
        MissingPackage: a package that reads such a file is not installed.
    """
    if isinstance(source, HubRows | HubSplit):
        return source.read(folder, settings)
    if isinstance(source, str | Path):
        path = folder / source
        return parse(path, str(path))
    return checked(list(source), "The rows in memory")
