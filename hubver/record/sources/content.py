"""A digest of rows that depends on their values alone: the same in every process, on every machine, in every format."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from hubver.record.digest import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BATCH = 1000


def content_digest(batches: Iterable[Mapping[str, list[Any]]]) -> str:
    """sha256 over the rows in order, each as one line of JSON with sorted columns.

    Args:
        batches: columns of equal length; how the rows are cut into batches does not matter.

    Raises:
        TypeError: a value is no JSON and neither bytes, a date nor an array.
    """
    return rows_digest(
        dict(zip(batch, values, strict=True)) for batch in batches for values in zip(*batch.values(), strict=True)
    )


def rows_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """The same digest of rows that come one by one.

    Raises:
        TypeError: a row is no mapping by text, or a value is no JSON and neither bytes, a date nor an array.
    """
    return _digest(_row(row) for row in rows)


def dataset_digest(dataset: Any) -> str:
    """The same digest of a `datasets.Dataset`, from Arrow's own buffers where those are numbers.

    Pictures and sounds count by their bytes, whatever file they are in. Neither the order of columns, nor chunks,
    indices or the format that the dataset was set to matter.

    Raises:
        TypeError: a column has values without a stable form.
    """
    media = {
        name for name, feature in dataset.features.items() if type(feature).__name__ in {"Image", "Audio", "Video"}
    }
    return _digest(chain.from_iterable(_lines(table, media) for table in dataset.with_format("arrow").iter(_BATCH)))


def _digest(lines: Iterable[str]) -> str:
    state = hashlib.sha256()
    for line in lines:
        state.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return state.hexdigest()


def _row(row: Mapping[str, Any]) -> str:
    if not hasattr(row, "keys") or not all(isinstance(name, str) for name in row):
        raise TypeError(f"a row is a {type(row).__name__}, which has no columns")
    return _json({name: row[name] for name in sorted(row)})


def _lines(table: Any, media: set[str]) -> Iterator[str]:
    """Each row of an Arrow table as `_row` would write it."""
    columns = sorted(table.column_names)
    texts = [_media(table[name]) if name in media else _texts(table[name].combine_chunks()) for name in columns]
    heads = [f"{',' if number else ''}{_json(name)}:" for number, name in enumerate(columns)]
    for values in zip(*texts, strict=True):
        yield "{" + "".join(chain.from_iterable(zip(heads, values, strict=True))) + "}"


def _texts(array: Any) -> list[str]:
    """Each value of an Arrow array as JSON."""
    import pyarrow as pa

    if hasattr(array, "num_chunks"):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    whole = _whole_numbers(array)
    values: list[str] = whole.to_pylist() if whole is not None else [_json(value) for value in array.to_pylist()]
    return values


def _whole_numbers(array: Any) -> Any:
    """An array of JSON texts, for integers, booleans and lists of them, made without a Python object for each.

    None for other types: Arrow writes other decimals than Python, and text must be escaped.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return pc.fill_null(pc.cast(array, pa.string()), "null")
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return None
    inner = _whole_numbers(array.flatten())
    if inner is None:
        return None
    lengths = pc.fill_null(pc.cast(pc.list_value_length(array), pa.int64()), 0)
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    joined = pc.binary_join(pa.LargeListArray.from_arrays(offsets, inner), ",")
    return pc.if_else(array.is_valid(), pc.binary_join_element_wise("[", joined, "]", ""), "null")


def _media(column: Any) -> list[str]:
    """Pictures and sounds, stored as bytes with a path, or as a path alone."""
    texts = []
    for value in column.to_pylist():
        content = value.get("bytes") if isinstance(value, dict) else None
        if value is not None and content is None:
            raise TypeError("a column holds files by their paths, whose content is not in the dataset")
        texts.append(_json(content))
    return texts


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"sha256": sha256(value)}
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    raise TypeError(f"a column holds {type(value).__name__}, which has no stable form")
