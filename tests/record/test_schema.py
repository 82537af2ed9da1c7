from __future__ import annotations

import json
from pathlib import Path

import pytest

import hubver.record.schema
from hubver.errors import BadDocument
from hubver.record.schema import RunRecord, json_schema

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = Path(hubver.record.schema.__file__).with_name("run-record.schema.json")
EXAMPLE = Path(__file__).resolve().parents[2] / "model_cards" / "example.hubver.json"


def test_the_kept_schema_is_the_generated_one():
    assert SCHEMA.read_bytes() == json_schema()


def test_the_example_follows_the_schema():
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes())).validate(json.loads(EXAMPLE.read_bytes()))


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


@pytest.mark.parametrize("kept", sorted(Path(__file__).with_name("kept").glob("*.json")), ids=lambda path: path.stem)
def test_records_that_were_published_once_load_for_ever(kept):
    again = json.loads(RunRecord.from_bytes(kept.read_bytes()).to_bytes())
    assert holds(again, json.loads(kept.read_bytes()))


def holds(whole, part):
    """Whether nothing of `part` was lost or changed in `whole`, which may hold newer fields as well."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return whole == part
