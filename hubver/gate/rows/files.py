"""Files of rows: JSON, JSON Lines, CSV, Parquet. Each row becomes what JSON can hold, so that it has one digest."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import json
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, MissingPackage, NotFound
from hubver.gate.running.public import said

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]

SUFFIXES = (".json", ".jsonl", ".csv", ".parquet")


def parse(path: Path, where: str) -> list[Row]:
    """The rows of a file.

    Args:
        path: its suffix says what it is.
        where: what to call it in an error.

    Raises:
        BadInput: it is not rows; the message names the line.
        NotFound: there is no such file.
        MissingPackage: it is Parquet, and pyarrow is not installed.
    """
    if path.suffix not in SUFFIXES:
        expected = f"a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file"
        raise BadInput(f"Rows cannot be read from {where}.", expected=expected, found=path.suffix or "no suffix")
    if not path.exists():
        raise NotFound(
            f"There is no file {where}.", hint="Paths are relative to the folder of the file that holds the gate."
        )
    if path.suffix == ".parquet":
        return checked(_parquet(path, where), where)
    try:
        # A byte order mark, as spreadsheets write it, is no part of the first column's name.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{where} cannot be read: {error}.") from None
    if path.suffix == ".csv":
        return checked(_csv(text, where), where)
    if path.suffix == ".jsonl":
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        return checked([_json(line, f"{where}, line {number}") for number, line in lines], where)
    return checked(_json(text, where), where)


def checked(rows: Any, where: str) -> list[Row]:
    """The same rows, if they are rows.

    Raises:
        BadInput: they are no list of objects, or there are none.
    """
    if not isinstance(rows, list):
        raise BadInput(f"{where}: rows are a list of objects.", found=type(rows).__name__)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise BadInput(f"{where}: row {number} is no object.", found=type(row).__name__)
    if not rows:
        raise BadInput(f"{where}: there are no rows.", hint="A gate over zero examples would pass anything.")
    return rows


def plain(value: Any) -> Any:
    """A value of a table as JSON holds it: dates and decimals as text; what has no such form stays, to be refused."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    return value


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} cannot be read: {error}.") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"the column {_twice([name for name, _ in pairs])!r} occurs twice")
    return row


def _twice(names: list[str]) -> str:
    return next(name for name in names if names.count(name) > 1)


def _csv(text: str, where: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise BadInput(f"{where} cannot be read: the column {_twice(header)!r} occurs twice.")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise BadInput(
                    f"{where}, line {reader.line_num}: this row does not fit the header.",
                    expected=f"{len(header)} cells",
                    found=str(len(cells)),
                )
            rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise BadInput(f"{where}, line {reader.line_num} cannot be read: {error}.") from None
    return rows


def _parquet(path: Path, where: str) -> list[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError:
        raise MissingPackage(
            f"Reading {where} needs the package 'pyarrow'.", hint="Install it with: pip install pyarrow"
        ) from None
    try:
        rows = parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        raise BadInput(f"{where} cannot be read: {said(error)}.") from None
    return [plain(row) for row in rows]
