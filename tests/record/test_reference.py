"""`docs/reference/record.md` says of every field of the record what the schema says of it.

After a change of the schema, write the page and the JSON Schema anew: `python tests/record/test_reference.py`.
"""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import pytest

from hubver.documents import Part
from hubver.record import gaps
from hubver.record.schema import RunRecord, json_schema

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGE, SCHEMA = REFERENCE / "record.md", REFERENCE / "run-record.schema.json"
BEGIN, END = "<!-- generated: fields -->", "<!-- generated: end -->"


def test_the_kept_schema_is_the_generated_one():
    assert SCHEMA.read_bytes() == json_schema()


def test_the_page_lists_the_fields_of_the_schema():
    assert PAGE.read_text(encoding="utf-8") == with_fields(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", gaps.FILLS)
def test_the_page_names_what_can_be_required(name):
    listed = PAGE.read_text(encoding="utf-8").partition("## What can be required")[2]
    assert f"`{name}`" in listed


def with_fields(page: str) -> str:
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{fields()}\n{END}{rest.partition(END)[2]}"


def fields() -> str:
    """A table for each part of the record, from the outside in."""
    parts: dict[type[Part], None] = {RunRecord: None}
    for part in (queue := [RunRecord]):
        for field in part.model_fields.values():
            inner = next((kind for kind in leaves(field.annotation) if issubclass(kind, Part)), None)
            if inner is not None and inner not in parts:
                parts[inner] = None
                queue.append(inner)
    return "\n".join(map(table, parts))


def table(part: type[Part]) -> str:
    told = described(part.__doc__ or "")
    rows = [
        f"| `{name}` | {written(field.annotation)} | {told.pop(name, '')} |"
        for name, field in part.model_fields.items()
    ]
    assert not told, f"{part.__name__} describes fields that it has not: {sorted(told)}"
    first = " ".join((part.__doc__ or "").split("\n\n", 1)[0].split())
    return "\n".join([f"### {part.__name__}", "", first, "", "| field | type | |", "|---|---|---|", *rows, ""])


def described(docstring: str) -> dict[str, str]:
    """The section `Attributes:` of a docstring, a line for each."""
    section = docstring.partition("Attributes:\n")[2]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()).replace("|", "\\|") for name, text in entries}


def leaves(annotation: object) -> list[type]:
    inner = typing.get_args(annotation)
    if not inner:
        return [annotation] if isinstance(annotation, type) else []
    return [leaf for argument in inner for leaf in leaves(argument)]


def written(annotation: object) -> str:
    """A type in words."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {types.UnionType, typing.Union}:
        return " or ".join(written(argument) for argument in inner)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is tuple:
        return f"list of {written(inner[0])}" if inner[-1] is ... else f"{len(inner)} x {written(inner[0])}"
    if origin is dict:
        return f"object of {written(inner[1])}"
    words = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null"}
    if annotation is typing.Any:
        return "any JSON"
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return words.get(annotation, "time with its zone (ISO 8601)")


if __name__ == "__main__":
    PAGE.write_text(with_fields(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_bytes(json_schema())
