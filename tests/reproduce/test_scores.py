from __future__ import annotations

import json

import pytest

from hubver.record.schema import Base
from hubver.reproduce import scores
from hubver.reproduce.scores import Scored, graded

SAME, OTHER = Scored("a", 10, 0, 0.5, 0.5), Scored("b", 10, 2, 0.5, 0.5)


@pytest.mark.parametrize(
    ("grade", "heard", "expected"),
    [
        ("within tolerance", (), "within tolerance"),
        ("within tolerance", (SAME,), "within tolerance"),
        ("within tolerance", (SAME, OTHER), "different"),
        ("different", (SAME,), "different"),
        ("different", (OTHER,), "different"),
    ],
)
def test_scores_can_only_make_a_grade_worse(grade, heard, expected):
    assert graded(grade, heard) == expected


def test_an_adapter_is_looked_at_on_the_recorded_commit_of_its_base(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    before = json.dumps({"base_model_name_or_path": "/somewhere/else", "r": 4}).encode()
    (output / "adapter_config.json").write_bytes(before)
    (output / "adapter_model.safetensors").write_bytes(b"weights")
    folder = scores._on_its_base(output, Base(id="acme/base", sha="b" * 40), tmp_path / "there")
    config = json.loads((folder / "adapter_config.json").read_bytes())
    assert (config["base_model_name_or_path"], config["revision"], config["r"]) == ("acme/base", "b" * 40, 4)
    assert (folder / "adapter_model.safetensors").read_bytes() == b"weights"
    assert (output / "adapter_config.json").read_bytes() == before
