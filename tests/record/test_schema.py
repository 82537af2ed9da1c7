from __future__ import annotations

import json
import types
import typing
from datetime import timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubver.documents import Part
from hubver.errors import BadDocument
from hubver.record.schema import RunRecord, json_schema

jsonschema = pytest.importorskip("jsonschema")
EXAMPLE = Path(__file__).resolve().parents[2] / "model_cards" / "example.hubver.json"
KEPT = sorted(Path(__file__).with_name("kept").glob("*.json"))
VALIDATOR = jsonschema.Draft202012Validator(json.loads(json_schema()))


@pytest.mark.parametrize("published", [EXAMPLE, *KEPT], ids=lambda path: path.stem)
def test_what_was_published_follows_the_schema(published):
    VALIDATOR.validate(json.loads(published.read_bytes()))


def test_unknown_fields_survive_at_every_depth():
    value = json.loads(EXAMPLE.read_bytes())
    value["later"] = {"a": [1]}
    value["training"]["later"] = "b"
    value["data"][0]["later"] = "c"
    record = RunRecord.from_bytes(json.dumps(value).encode())
    assert json.loads(record.to_bytes()) == value


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        pytest.param({"format": "hubver.run/2"}, "format", id="another format"),
        pytest.param({"run_id": None}, "run_id", id="no run id"),
        pytest.param({"created": "2026-01-01T00:00:00"}, "created", id="a time without zone"),
        pytest.param({"files": [{"path": "a"}]}, "files.0.size", id="a file without size"),
    ],
)
def test_what_is_no_record_is_refused_by_its_field(changes, named):
    value = {**json.loads(EXAMPLE.read_bytes()), **changes}
    with pytest.raises(BadDocument, match=named):
        RunRecord.from_bytes(json.dumps(value).encode())


def test_a_newer_format_is_answered_with_the_command_to_upgrade():
    value = {**json.loads(EXAMPLE.read_bytes()), "format": "hubver.run/2"}
    with pytest.raises(BadDocument, match=r"hubver\.run/1") as caught:
        RunRecord.from_bytes(json.dumps(value).encode())
    assert "pip install -U hubver" in caught.value.hint


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_records_that_were_published_once_load_for_ever(kept):
    again = json.loads(RunRecord.from_bytes(kept.read_bytes()).to_bytes())
    assert holds(again, json.loads(kept.read_bytes()))


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_no_field_was_removed_that_a_published_record_has(kept):
    assert unknown(RunRecord.from_bytes(kept.read_bytes())) == []


def test_every_field_is_kept_in_some_record_that_was_published():
    """After a new field, keep one more record that has it; those that are kept never change."""
    held = set().union(*(filled(RunRecord.from_bytes(kept.read_bytes())) for kept in KEPT))
    assert declared(RunRecord) - held == set()


@given(data=st.data())
@settings(max_examples=25)
def test_every_record_survives_the_round_trip(data):
    record = data.draw(of_type(RunRecord))
    raw = record.to_bytes()
    again = RunRecord.from_bytes(raw)
    assert (again, again.to_bytes()) == (record, raw)
    VALIDATOR.validate(json.loads(raw))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
PLAIN = {
    str: st.text(max_size=12),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    typing.Any: JSON,
}


def of_type(annotation):
    """Values of a field's type; parts with all their fields, and with one that this version does not know."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {types.UnionType, typing.Union}:
        return st.one_of([of_type(argument) for argument in inner])
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple and inner[-1] is ...:
        return st.lists(of_type(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of_type, inner))
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), of_type(inner[1]), max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        values = {name: of_type(field.annotation) for name, field in annotation.model_fields.items()}
        return st.fixed_dictionaries(values, optional={"later": JSON}).map(annotation.model_validate)
    return PLAIN.get(annotation, st.datetimes(timezones=st.just(timezone.utc)))


def declared(part):
    """The fields of a part and of those within it, as `Part.field`."""
    own = {f"{part.__name__}.{name}" for name in part.model_fields}
    for field in part.model_fields.values():
        for kind in parts_in(field.annotation):
            own |= declared(kind)
    return own


def parts_in(annotation):
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, Part) else []
    return [part for inner in typing.get_args(annotation) for part in parts_in(inner)]


def filled(value):
    """The fields that hold something, as `Part.field`."""
    if isinstance(value, tuple):
        return {name for item in value for name in filled(item)}
    if not isinstance(value, Part):
        return set()
    values = {field: getattr(value, field) for field in type(value).model_fields}
    own = {f"{type(value).__name__}.{field}" for field, held in values.items() if held not in (None, (), {})}
    return own.union(*map(filled, values.values()))


def unknown(value, path="record"):
    """The fields that the schema does not know, at every depth."""
    if isinstance(value, tuple):
        return [name for number, item in enumerate(value) for name in unknown(item, f"{path}.{number}")]
    if not isinstance(value, Part):
        return []
    own = [f"{path}.{name}" for name in value.model_extra]
    return own + [
        name for field in type(value).model_fields for name in unknown(getattr(value, field), f"{path}.{field}")
    ]


def holds(whole, part):
    """Whether nothing of `part` was lost or changed in `whole`, which may hold newer fields as well."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return whole == part
