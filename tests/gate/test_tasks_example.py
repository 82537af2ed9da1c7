"""The example that the package's documentation gives, run as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap

import pytest

import hubver.gate
from hubver.gate.verdict import REPORT_JSON, Verdict

LETTERS = "abcdefghijklmnop"
DECLARED = """
[tasks.amounts]
rows = "data/amounts.csv"
scorer = { name = "regex", pattern = "(?s).*", mode = "fullmatch" }
max_new_tokens = 4
"""


def example():
    text = hubver.gate.__doc__.split("::\n", 1)[1]
    return "from __future__ import annotations\n" + textwrap.dedent(text)


@pytest.fixture
def project(pytester):
    """A project with the example as its gates file, and the rows that it asks about."""
    gates = pytester.mkdir("gates")
    (gates / "test_quality.py").write_text(example())
    pairs = [(one, other) for one in LETTERS for other in LETTERS]
    (gates / "tickets.jsonl").write_text(
        "".join(
            json.dumps({"prompt": one + other, "completion": one, "queue": one in "ab"}) + "\n" for one, other in pairs
        )
    )
    topics = "".join(f"{one}{other}?,{'billing' if one < other else 'delivery'}\n" for one, other in pairs)
    (gates / "topics.csv").write_text("prompt,topic\n" + topics)
    (pytester.path / "hubver.toml").write_text(DECLARED)
    amounts = "".join(f"{one}{other},x\n" for one, other in pairs)
    pytester.mkdir("data").joinpath("amounts.csv").write_text("prompt,completion\n" + amounts)
    return pytester


def run(project, tiny, *options):
    adapter = tiny.adapter("one", seed=1)
    result = project.runpytest_inprocess(
        "gates", "--candidate", str(adapter), "--production", str(adapter), "--gate-report", "out",
        "-p", "no:cacheprovider", "-W", "error", *options,
    )  # fmt: skip
    return result, Verdict.from_bytes((project.path / "out" / REPORT_JSON).read_bytes())


@pytest.mark.slow
def test_the_documented_gates_run_as_they_stand(project, tiny):
    assert len(re.findall(r"\n\s*\S", example())) <= 20
    result, verdict = run(project, tiny)
    result.assert_outcomes(passed=4)
    assert {(gate.policy, gate.task) for gate in verdict.gates} == {
        ("no_regression", "tickets"),
        ("no_regression", "topics"),
        ("floor", "amounts"),
    }
    assert verdict.outcome == "pass"


@pytest.mark.slow
def test_a_name_that_nobody_declared_is_an_error_and_no_verdict(project, tiny):
    (project.path / "hubver.toml").write_text("[tasks.sums]\n")
    result, verdict = run(project, tiny, "-k", "accuracy")
    assert result.ret == 2
    assert verdict.outcome == "error"
    assert any("no task 'amounts'" in problem and "[tasks.amounts]" in problem for problem in verdict.problems)


def test_declaring_tasks_imports_nothing_heavy():
    code = (
        "import sys, hubver.gate, hubver.gate.tasks.declared\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pydantic', 'huggingface_hub', 'datasets', 'pyarrow', 'evaluate',"
        " 'lm_eval', 'sacrebleu', 'rouge_score'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
