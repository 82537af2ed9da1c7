from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from hubver.gate import policies
from hubver.gate.report import line, markdown, properties, sentence, terminal
from hubver.gate.report.schema import json_schema
from hubver.gate.verdict import Counts, GatesCode, Subject, Verdict, count_gates

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "verdict.schema.json"
GOOD = {f"e{index}": 1.0 for index in range(100)}
BAD = dict.fromkeys(GOOD, 0.0)


def verdict(*gates, problems=(), outcome="fail", baseline=True):
    found = count_gates(gates)
    return Verdict(
        repo_id="acme/router",
        candidate=Subject(revision="v1.1.0", sha="a" * 40),
        baseline=Subject(revision="production", sha="b" * 40) if baseline else None,
        outcome=outcome,
        gates=gates,
        problems=problems,
        counts=Counts(
            collected=len(gates),
            passed=found["pass"],
            failed=found["fail"],
            inconclusive=found["inconclusive"],
            not_applicable=found["not-applicable"],
        ),
        gates_code=GatesCode(digest="c" * 64, commit="d" * 40, dirty=True),
        hubver_version="0.1",
        created="2026-01-01T00:00:00Z",
        duration_seconds=3.25,
    )


def lines_of(found, width):
    """What a terminal of this many columns shows, as the command line prints it."""
    console = Console(file=io.StringIO(), width=width, markup=False, soft_wrap=True)
    console.print(terminal(found))
    return [text.rstrip() for text in console.file.getvalue().splitlines()]


SLICES = policies.worst_slice("tickets", {"billing": GOOD, "returns": BAD}, minimum=0.8)


def test_the_sentence_comes_first_and_names_everything():
    passing = verdict(policies.floor("tickets", GOOD, 0.8), outcome="pass")
    said = "PASS: acme/router@v1.1.0 (aaaaaaaa) against production (bbbbbbbb); gates: 1 passed."
    assert sentence(passing) == said
    assert markdown(passing).startswith("### ✅ PASS: acme/router")
    first = verdict(policies.no_regression("tickets", GOOD, None, 0.1), baseline=False)
    assert "as a first release (no production yet); gates: 1 not applicable." in sentence(first)
    assert "gates: none asked" in sentence(verdict(problems=("No tests were collected, so nothing was judged.",)))


def test_markdown_shows_numbers_slices_and_problems():
    text = markdown(verdict(SLICES, policies.no_regression("tickets", BAD, GOOD, 0.1), problems=("one test failed",)))
    assert "| ❌ | no_regression | tickets | 0.000 | 1.000 | " in text
    assert "| ❌ | returns | 0.000 | - | [0.000, " in text
    assert "| ✅ | billing | 1.000 | - | [0." in text
    assert "- **one test failed**" in text
    assert "with uncommitted changes" in text
    assert f"candidate `{'a' * 40}`" in text


@pytest.mark.parametrize("evil", ["a|b", "<img src=x>", "@everyone", "![x](http://y)", "`code`", "line\nbreak", "a&b"])
def test_a_name_from_a_run_cannot_become_markup(evil):
    text = markdown(verdict(policies.floor(evil, BAD, 0.5), problems=(evil,)))
    assert evil not in text
    rows = [row for row in text.splitlines() if row.startswith("| ❌")]
    assert [row.count("|") for row in rows] == [9]


def test_the_terminal_says_the_same():
    buffer = io.StringIO()
    shown = verdict(SLICES, policies.floor("tickets", GOOD, 0.99), problems=("a problem",))
    Console(file=buffer, width=160).print(terminal(shown))
    text = buffer.getvalue()
    assert text.startswith("FAIL: acme/router@v1.1.0")
    for word in ("worst_slice", "inconclusive", "a problem", "returns", "more examples would decide"):
        assert word in text


LONG = "x" * 5000
LOST = policies.floor("tickets", BAD, 0.5)


def called(result, task, **fields):
    return result.model_copy(update={"task": task, **fields})


@pytest.mark.parametrize(
    ("gates", "problems"),
    [
        ([called(LOST, f"task {index}") for index in range(900)], ()),
        ([called(LOST, f"{LONG} {index}") for index in range(300)], ()),
        ([called(LOST, "\N{SNOWMAN}" * 900)] * 50, (LONG,) * 400),
        ([called(SLICES, "tickets", slices=SLICES.slices * 200)] * 3, ()),
    ],
    ids=["many", "long names", "wide letters", "many slices"],
)
def test_a_long_report_fits_a_comment(gates, problems):
    text = markdown(verdict(*gates, problems=problems))
    assert len(text.encode()) < 65_536
    assert " are in the JSON report." in text
    assert text.count("<details") == text.count("</details>")
    assert "<sub>candidate" in text


def test_an_advisory_gate_is_shown_and_not_counted():
    lost = policies.floor("tickets", BAD, 0.8).model_copy(update={"tier": "advisory"})
    found = verdict(policies.floor("other", GOOD, 0.8), lost, outcome="pass")
    assert sentence(found).endswith("gates: 1 passed; 1 advisory, not counted.")
    assert "| ❌ | floor (advisory) | tickets | 0.000 |" in markdown(found)
    text = "\n".join(lines_of(found, 160))
    assert "(fail)  floor" in text
    assert "floor of tickets (advisory): The mean 0.000" in text
    assert line(lost).startswith("fail           floor of tickets (advisory): ")


def test_it_says_after_how_many_of_how_many_it_was_decided():
    found = verdict(policies.floor("tickets", GOOD, 0.8, planned=500), outcome="pass")
    assert "| 0.800 | 100 of 500 |" in markdown(found)
    assert any(text.endswith("100 of 500") for text in lines_of(found, 160))


def test_what_others_would_report_is_beside():
    compared = policies.no_regression("tickets", BAD, GOOD, 0.1)
    found = verdict(compared)
    assert "no_regression of tickets: bootstrap [-1.000, -1.000], McNemar p < 0.001" in "\n".join(lines_of(found, 160))
    assert "| [-1.000, -1.000] | < 0.001 |" in markdown(found)
    plain = verdict(policies.alive("tickets", 1.5, n=8), outcome="pass")
    assert "Beside" not in "\n".join(lines_of(plain, 160))
    assert "<details" not in markdown(plain)


def test_one_test_alone_promotes_nothing_and_says_so():
    found = verdict(policies.floor("tickets", GOOD, 0.8), outcome="pass").model_copy(update={"only": "test_floor"})
    assert not found.passed
    assert "by test_floor alone, which promotes nothing; gates: 1 passed." in sentence(found)
    assert Verdict.from_bytes(found.to_bytes()) == found


def test_properties_name_the_gate_and_leave_out_what_is_not_known():
    found = dict(properties(policies.floor("tickets", GOOD, 0.8)))
    assert found["gate.floor.tickets.outcome"] == "pass"
    assert found["gate.floor.tickets.value"] == 1.0
    assert "gate.floor.tickets.production" not in found


def test_the_kept_schema_is_the_generated_one():
    assert SCHEMA.read_bytes() == json_schema()


def test_a_verdict_follows_the_schema():
    jsonschema = pytest.importorskip("jsonschema")
    checker = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))
    value = json.loads(verdict(SLICES, policies.no_regression("tickets", BAD, GOOD, 0.1)).to_bytes())
    checker.validate(value)
    value["gates"][0]["outcome"] = "perhaps"
    assert not checker.is_valid(value)


def test_a_line_is_one_line():
    assert line(SLICES).startswith("fail           worst_slice of tickets: Slice 'returns'")
    assert "\n" not in line(SLICES)


@pytest.mark.parametrize("width", [64, 80, 200])
def test_no_word_of_the_table_is_cut(width):
    gates = (
        policies.no_regression("tickets-with-a-rather-long-name", BAD, GOOD, 0.1),
        policies.no_regression("tickets", GOOD, None, 0.1),
    )
    lines = lines_of(verdict(*gates), width)
    header = next(text for text in lines if "Candidate" in text)
    table = lines[lines.index(header) : lines.index("", lines.index(header))]
    assert max(map(len, table)) <= width
    assert "\u2026" not in "".join(table)
    assert any(text.startswith("not-applicable  no_regression") for text in table)
    assert ("Interval" in header, "Threshold" in header) == (width == 200, width == 200)
    assert "Production" in header
