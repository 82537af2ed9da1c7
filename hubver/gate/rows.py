"""Rows of a task: in memory, from a JSON or JSON Lines file, or from one file of a dataset at an exact commit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, NotFound

if TYPE_CHECKING:
    from hubver.settings import Settings

Row = dict[str, Any]

_PIN = re.compile(r"(?P<repo>[^@\s]+/[^@\s]+)@(?P<sha>[0-9a-f]{40})")


@dataclass(frozen=True)
class HubRows:
    """One file of a dataset on the Hub, at an exact commit. Made by `hub_rows`.

    Attributes:
        repo_id: the dataset, such as `org/tickets`.
        sha: the commit, 40 hexadecimal digits.
        path: the file in it, `.json` or `.jsonl`.
    """

    repo_id: str
    sha: str
    path: str


def hub_rows(dataset: str, path: str) -> HubRows:
    """Rows from a file of a dataset on the Hub.

    Args:
        dataset: `ORG/NAME@COMMIT`; a branch or tag may move, so only a full commit sha pins the examples.
        path: the file in the dataset, `.json` or `.jsonl`.

    Raises:
        BadInput: the dataset is not pinned.
    """
    match = _PIN.fullmatch(dataset)
    if match is None:
        raise BadInput(
            f"The dataset {dataset!r} is not pinned, so its examples could change between two gates.",
            expected="ORG/NAME@ followed by the 40 hexadecimal digits of a commit",
            hint=f"Find the commit with: hf datasets info {dataset.partition('@')[0]}",
        )
    return HubRows(match["repo"], match["sha"], path)


def read_rows(source: list[Row] | Path | HubRows, folder: Path, settings: Settings) -> list[Row]:
    """Read the rows of a task.

    Args:
        source: the rows themselves, a file, or a pinned file on the Hub.
        folder: what a relative file is relative to: the folder of the gates file.
        settings: the Hub's address and token.

    Raises:
        BadInput: the file is missing or is not rows; the message names the line.
        NotFound: the Hub has no such dataset, commit or file.
        HubFailed: the Hub could not be asked.
    """
    if isinstance(source, HubRows):
        where = f"{source.path} of {source.repo_id}@{source.sha[:12]}"
        return _parse(_download(source, settings), where)
    if isinstance(source, Path):
        path = folder / source
        return _parse(path, str(path))
    return _checked(source, "The rows in memory")


def _parse(path: Path, where: str) -> list[Row]:
    if path.suffix not in {".json", ".jsonl"}:
        raise BadInput(
            f"Rows cannot be read from {where}.", expected="a .json or .jsonl file", found=path.suffix or "none"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"There is no file {where}.", hint="Paths are relative to the folder of the file that holds the gate."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{where} cannot be read: {error}.") from None
    if path.suffix == ".jsonl":
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        return _checked([_json(line, f"{where}, line {number}") for number, line in lines], where)
    return _checked(_json(text, where), where)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} cannot be read: {error}.") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the column {twice!r} occurs twice")
    return row


def _checked(rows: Any, where: str) -> list[Row]:
    if not isinstance(rows, list):
        raise BadInput(f"{where}: rows are a list of objects.", found=type(rows).__name__)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise BadInput(f"{where}: row {number} is no object.", found=type(row).__name__)
    if not rows:
        raise BadInput(f"{where}: there are no rows.", hint="A gate over zero examples would pass anything.")
    return rows


def _download(source: HubRows, settings: Settings) -> Path:
    from huggingface_hub import hf_hub_download

    from hubver.hub.answers import translated

    with translated(settings.endpoint, f"{source.path} of the dataset {source.repo_id} at {source.sha}"):
        path = hf_hub_download(
            source.repo_id,
            source.path,
            repo_type="dataset",
            revision=source.sha,
            endpoint=settings.endpoint,
            # False, and not None: None would make the client look for a token of its own.
            token=settings.token.get_secret_value() if settings.token else False,
        )
    return Path(path)
