from __future__ import annotations

from pathlib import Path

import pytest

from hubver.gate.running.public import public, said

ROOT = Path("/home/jane doe/project")
GATES = ROOT / "gates"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"There is no file {GATES}/rows.jsonl.", "There is no file gates/rows.jsonl."),
        (f"in {ROOT} itself", "in . itself"),
        ("('/tmp/x/test_a.py', 2)", "('…/test_a.py', 2)"),
        ("file:///opt/models/base is gone", "file://…/base is gone"),
        ("/opt/models/ is a folder", "…/ is a folder"),
        ("http://127.0.0.1:8000/api/models/acme/router failed", None),
        ("acme/router@v1.0.0 and gates/test_quality.py::test_floor", None),
        ("either / or, 1/2, ../up/there, </b>", None),
        ("/home/jane/project2/x", "…/x"),
        ("it is hf_abcdefghijklmnopqrstuvwxyz", "it is [redacted]"),
    ],
)
def test_a_report_names_no_place_and_no_secret(text, shown):
    assert public(text, (ROOT, GATES)) == (text if shown is None else shown)


def test_everything_within_is_looked_at():
    value = {"reason": "/a/b/c", "slices": ({"reason": "/a/b/c"},), "n": 3, "value": None}
    assert public(value, ()) == {"reason": "…/c", "slices": ({"reason": "…/c"},), "n": 3, "value": None}


def test_a_root_of_everything_hides_nothing_else():
    assert public("an/or of /a/b/c", (Path("/"),)) == "an/or of …/c"


@pytest.mark.parametrize(
    ("error", "shown"),
    [(KeyError("x"), "KeyError: 'x'"), (ValueError("a\nb"), "ValueError: a"), (OSError(), "OSError")],
)
def test_an_exception_is_said_in_one_line(error, shown):
    assert said(error) == shown
