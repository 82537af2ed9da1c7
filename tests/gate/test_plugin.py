from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hubver.gate.asking.requests import Generation
from hubver.gate.engine import Engine, ModelSource
from hubver.gate.verdict import REPORT_JSON, REPORT_MARKDOWN, Verdict

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

NEW_TOKENS = 6
# The user's own warnings are errors, and no cache is written: neither may disturb a gate.
OPTIONS = ("-p", "no:cacheprovider", "-W", "error", "--rootdir", ".")


@dataclass
class Gates:
    """A gates folder and two local models: `one` answers as the rows expect, `two` does not."""

    pytester: pytest.Pytester
    one: Path
    two: Path
    dead: Path
    base: Path
    out: Path = field(init=False)

    def __post_init__(self) -> None:
        self.out = self.pytester.path / "out"

    def run(self, body: str, *options: str, candidate: Path | str | None = None, production: Path | str | None = None):
        """Run gates in this process, where torch is loaded already, and read the report."""
        self.pytester.mkdir("gates").joinpath("test_quality.py").write_text(HEAD + body)
        arguments = ["gates", "--candidate", str(candidate or self.one), "--gate-report", str(self.out), *OPTIONS]
        if production is not None:
            arguments += ["--production", str(production)]
        result = self.pytester.runpytest_inprocess(*arguments, *options)
        path = self.out / REPORT_JSON
        verdict = Verdict.from_bytes(path.read_bytes()) if path.is_file() else None
        return result, verdict


HEAD = """
import json
from pathlib import Path
import pytest
from hubver.gate import Task, exact_match
TASK = Task("echo", rows=str(Path(__file__).parents[1] / "rows.jsonl"), slice_by="half", max_new_tokens=6)
def sure(prediction, expected):
    return 1.0
SURE = Task("sure", rows=TASK.rows, scorer=sure, slice_by="half", max_new_tokens=6)
"""


@pytest.fixture
def gates(pytester, tiny) -> Gates:
    one, two = tiny.adapter("one", seed=1), tiny.adapter("two", seed=2)
    prompts = [f"{letter}{number} says" for letter in "abcdef" for number in range(10)]
    answers = _answers(tiny, one, prompts)
    rows = [
        {"prompt": prompt, "completion": answer, "half": "left" if index % 2 else "right"}
        for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]
    (pytester.path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Gates(pytester, one, two, tiny.adapter("dead", seed=1, dead=True), tiny.base)


_cache: dict[Path, list[str]] = {}


def _answers(tiny, adapter, prompts):
    if adapter not in _cache:
        model = Engine().load(ModelSource("candidate", adapter, tiny.base))
        _cache[adapter] = model.answer([Generation(prompt, NEW_TOKENS) for prompt in prompts])
    return _cache[adapter]


FOUR_GATES = """
def test_floor(gate):
    result = gate.floor(TASK, 0.8)
    assert result.value == 1.0
def test_no_regression(gate):
    gate.no_regression(TASK, margin=0.1)
def test_worst_slice(gate):
    gate.worst_slice(TASK, floor=0.7, margin=0.3, expect=["left", "right"])
def test_alive(gate):
    gate.alive(TASK)
def test_plain(candidate, production):
    assert len(candidate.generate(["a", "b"], max_new_tokens=2)) == 2
    assert candidate.generate(["a0 says"]) != production.generate(["a0 says"])
"""


def test_a_better_candidate_passes(gates):
    result, verdict = gates.run(FOUR_GATES, production=gates.two)
    assert result.ret == 0
    assert verdict.passed
    assert [gate.outcome for gate in verdict.gates] == ["pass"] * 4
    assert [gate.gate.rpartition("::")[2] for gate in verdict.gates] == [
        "test_floor",
        "test_no_regression",
        "test_worst_slice",
        "test_alive",
    ]
    assert (verdict.counts.collected, verdict.counts.passed) == (5, 4)
    assert verdict.candidate.revision == "…/one"
    assert verdict.candidate.sha is None
    assert verdict.baseline.revision == "…/two"
    assert verdict.tasks[0].n == 60
    assert verdict.engine["dtype"] == "float32"
    assert verdict.created.endswith("Z")
    result.stdout.fnmatch_lines(["hubver: pass * floor of echo: *", "PASS: *"])
    text = (gates.out / REPORT_MARKDOWN).read_text()
    assert text.startswith("### ✅ PASS")


def test_a_worse_candidate_fails(gates):
    result, verdict = gates.run(FOUR_GATES, candidate=gates.two, production=gates.one)
    assert result.ret == 1
    assert verdict.outcome == "fail"
    assert [gate.outcome for gate in verdict.gates] == ["fail", "fail", "fail", "pass"]
    assert verdict.problems == ()
    assert "is a regression beyond" in (gates.out / REPORT_MARKDOWN).read_text()


def test_a_first_release_is_decided_by_its_floors(gates):
    result, verdict = gates.run(
        """
def test_floor(gate):
    gate.floor(TASK, 0.8)
def test_no_regression(gate, production):
    assert production is None
    assert gate.no_regression(TASK, margin=0.1).outcome == "not-applicable"
"""
    )
    assert (result.ret, verdict.outcome, verdict.baseline) == (0, "pass", None)
    assert "no production yet" in (gates.out / REPORT_MARKDOWN).read_text()


def test_a_first_release_without_a_floor_is_no_pass(gates):
    result, verdict = gates.run("def test_no_regression(gate):\n    gate.no_regression(TASK, margin=0.1)\n")
    assert (result.ret, verdict.outcome) == (1, "fail")


def test_a_dead_adapter_fails_even_where_every_gate_passes(gates):
    result, verdict = gates.run("def test_sure(gate):\n    gate.floor(SURE, 0.8)\n", candidate=gates.dead)
    assert result.ret == 1
    assert verdict.gates[0].outcome == "pass"
    assert verdict.outcome == "fail"
    assert "changes nothing" in verdict.problems[0]


def test_scorers_that_give_no_score_fail_by_name(gates):
    result, verdict = gates.run(
        """
def nan(prediction, expected): return float("nan")
def none(prediction, expected): return None
def two(prediction, expected): return 2.0
def broken(prediction, expected): raise OSError("no judge today")
@pytest.mark.parametrize("scorer", [nan, none, two, broken])
def test_it(gate, scorer):
    gate.floor(Task(scorer.__name__, rows=TASK.rows, scorer=scorer, max_new_tokens=2), 0.01)
"""
    )
    assert result.ret == 1
    assert [gate.outcome for gate in verdict.gates] == ["fail"] * 4
    for name, gate in zip(("nan", "none", "two", "broken"), verdict.gates, strict=True):
        assert f"the scorer {name} " in gate.reason


PASSING = "def test_sure(gate):\n    gate.floor(SURE, 0.8)\n"


@pytest.mark.parametrize(
    ("body", "options", "problem"),
    [
        ("def test_b():\n    pytest.skip('not today')\n", (), "test_b was skipped: not today"),
        ("@pytest.mark.skip(reason='later')\ndef test_b(): pass\n", (), "test_b was skipped: later"),
        ("@pytest.mark.xfail(reason='known')\ndef test_b(): assert False\n", (), "known"),
        ("def test_b(): assert 1 == 2\n", (), "test_b failed in call: AssertionError: assert 1 == 2"),
        (
            "def test_b(): raise ValueError('no hf_abcdefghijklmnopqrst\\nhere')\n",
            (),
            "test_b failed in call: ValueError: no [redacted]",
        ),
        ("def test_b(missing_fixture): pass\n", (), "test_b failed in setup: there is no fixture 'missing_fixture'"),
        (
            "@pytest.fixture\ndef broken():\n    yield\n    raise OSError('x')\ndef test_b(broken): pass\n",
            (),
            "teardown: OSError: x",
        ),
        ("def test_b(): pass\n", ("-k", "sure"), "1 tests were deselected"),
        ("def test_b(): pass\n", ("--deselect", "gates/test_quality.py::test_b"), "1 tests were deselected"),
        ("def test_b(): assert False\ndef test_c(): pass\n", ("-x",), "1 of 3 tests did not run"),
        (
            "def test_b(gate):\n    try:\n        gate.floor(TASK, 1.5)\n    except Exception:\n        pass\n",
            (),
            "cannot be decided",
        ),
    ],
    ids=["skip", "skip-mark", "xfail", "failing", "raising", "setup", "teardown", "-k", "deselect", "-x", "swallowed"],
)
def test_one_passing_gate_does_not_cover_for_a_test_that_did_not_pass(gates, body, options, problem):
    result, verdict = gates.run(PASSING + body, *options)
    assert result.ret in {1, 2}
    assert verdict.counts.passed == 1
    assert not verdict.passed
    assert any(problem in item for item in verdict.problems), verdict.problems


def test_no_path_of_this_machine_reaches_the_reports(gates):
    _, verdict = gates.run(
        """
def lost(prediction, expected): raise OSError("no model in " + str(Path(__file__).parents[2] / "judge"))
def test_score(gate): gate.floor(Task("lost", rows=TASK.rows, scorer=lost, max_new_tokens=2), 0.5)
def test_rows(gate): gate.floor(Task("gone", rows="gone.jsonl"), 0.5)
def test_other(): raise OSError(__file__)
def test_skipped(): pytest.skip("see " + __file__)
def test_fixture(missing_fixture): pass
""",
        production=gates.two,
    )
    assert len(verdict.problems) == 4
    assert "There is no file gone.jsonl." in verdict.problems[0]
    for name in (REPORT_JSON, REPORT_MARKDOWN):
        text = (gates.out / name).read_text()
        for folder in (gates.pytester.path, gates.one.parent):
            assert str(folder) not in text
            assert str(folder.parent) not in text


def test_a_gate_that_was_expected_to_fail_or_swallowed_still_fails(gates):
    result, verdict = gates.run(
        """
@pytest.mark.xfail
def test_expected(gate):
    gate.floor(SURE, 0.99)
def test_swallowed(gate):
    try:
        gate.no_regression(TASK, margin=0.1)
    except BaseException:
        pass
""",
        candidate=gates.two,
        production=gates.one,
    )
    assert result.ret == 1
    assert [gate.outcome for gate in verdict.gates] == ["inconclusive", "fail"]
    assert verdict.outcome == "fail"


@pytest.mark.parametrize(
    ("body", "code", "outcome", "problem"),
    [
        ("", 1, "fail", "No tests were collected"),
        ("def test_plain(): pass\n", 1, "fail", "No test asked the gate"),
        ("import nonsense_that_is_not_there\n", 2, "error", "cannot be collected"),
        ("pytest.skip('all of it', allow_module_level=True)\n", 1, "fail", "was skipped: all of it"),
        ("def test_a(gate): gate.floor(Task('t', rows='acme/data@main'), 0.5)\n", 2, "error", "on the Hub"),
        ("def test_a(gate): gate.floor(Task('t', rows=[]), 0.5)\n", 2, "error", "no rows"),
        ("def test_a(gate): gate.floor(Task('t', rows=[{'a': 1}]), 0.5)\n", 2, "error", "column 'prompt'"),
        ("def test_a(gate): gate.floor(Task('t', rows='gone.jsonl'), 0.5)\n", 2, "error", "gone.jsonl"),
        (
            "def test_a(gate): gate.worst_slice(Task('t', rows=[{'prompt': 'a', 'completion': 'b'}]), floor=0.5)\n",
            2,
            "error",
            "no slices",
        ),
        ("def test_a(): raise KeyboardInterrupt\n", 3, "error", "interrupted"),
    ],
)
def test_nothing_judged_is_no_pass(gates, body, code, outcome, problem):
    result, verdict = gates.run(body)
    assert (result.ret, verdict.outcome) == (code, outcome)
    assert any(problem in item for item in verdict.problems), verdict.problems


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("floor(TASK, 0)", "A floor of 0 cannot be decided"),
        ("floor(TASK, 0.5, alpha=0)", "An alpha of 0 cannot be decided"),
        ("no_regression(TASK, margin=1)", "A margin of 1 cannot be decided"),
        ("worst_slice(TASK, floor=0.5, margin=2)", "A margin of 2 cannot be decided"),
        ("worst_slice(TASK)", "checks nothing"),
    ],
)
def test_a_question_that_cannot_be_decided_is_refused_before_any_model_is_loaded(gates, question, said):
    result, verdict = gates.run(f"def test_a(gate): gate.{question}\n", production=gates.two)
    assert (result.ret, verdict.outcome) == (2, "error")
    assert said in verdict.problems[0]
    assert verdict.engine == {}  # no model was even looked for


def test_a_broken_harness_is_an_error_and_no_verdict(gates, tmp_path):
    config = json.loads((gates.one / "adapter_config.json").read_text())
    folder = tmp_path / "broken"
    folder.mkdir()
    for file in gates.one.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    empty = tmp_path / "empty-base"
    empty.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(empty)}))
    result, verdict = gates.run(PASSING, candidate=folder)
    assert (result.ret, verdict.outcome) == (3, "error")
    assert "The evaluation broke while loading candidate" in verdict.problems[0]
    assert verdict.gates == ()


def test_a_production_that_cannot_be_loaded_is_an_error(gates, tmp_path):
    (tmp_path / "empty").mkdir()
    result, verdict = gates.run(FOUR_GATES, production=tmp_path / "empty")
    assert (result.ret, verdict.outcome) == (3, "error")
    assert "production" in verdict.problems[0]


def test_the_gate_without_a_candidate_says_how_to_name_one(pytester):
    pytester.makepyfile("def test_a(gate): pass\ndef test_b(): pass\n")
    result = pytester.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*pytest --candidate ORG/NAME@REV*"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--gate-report", "out"), "needs --candidate"),
        (("--production", "v1.0.0"), "needs --candidate"),
        (("--candidate", ".", "--production", "v1", "--first-release"), "exclude each other"),
        (("--candidate", ".", "--gate-shard", "1/2"), "needs --gate-report"),
        (("--candidate", ".", "--gate-shard", "1/2", "--gate-merge", "."), "exclude each other"),
        (("--candidate", "acme/router"), "names no revision"),
        (("--candidate", ".", "--production", "v1.0.0"), "no repository to look it up in"),
    ],
)
def test_options_that_make_no_sense_are_refused(pytester, options, said):
    pytester.makepyfile("def test_a(gate): pass")
    result = pytester.runpytest_inprocess(*OPTIONS, *options)
    assert result.ret not in {0, 1}
    assert said in result.stdout.str() + result.stderr.str()


def test_collecting_only_judges_nothing(gates):
    result, verdict = gates.run(PASSING, "--collect-only")
    assert result.ret == 0
    assert verdict is None


def test_other_people_s_test_runs_are_left_alone(pytester):
    """No hook of ours is there, and nothing heavy is loaded, unless a candidate is named."""
    pytester.makepyfile(
        """
        import sys
        def test_it(pytestconfig):
            assert not pytestconfig.pluginmanager.hasplugin("hubver_gate_hooks")
            assert not {"torch", "transformers", "pydantic", "huggingface_hub", "numpy"} & set(sys.modules)
        """
    )
    # The embedded Hub's fixtures are another plugin of ours, with its own test.
    result = pytester.runpytest_subprocess(*OPTIONS, "-p", "no:hubver_localhub", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)
