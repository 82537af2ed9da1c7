from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from hubver.errors import BadDocument
from hubver.gate import policies
from hubver.gate.hearing.watch import Watch
from hubver.gate.verdict import Counts, GateResult, GatesCode, Subject, Verdict, judge

PASS = GateResult(policy="floor", task="t", outcome="pass", reason="fine")
FAIL = GateResult(policy="floor", task="t", outcome="fail", reason="bad", gate="test_bad")
UNSURE = GateResult(policy="floor", task="t", outcome="inconclusive", reason="unsure")
ASIDE = GateResult(policy="no_regression", task="t", outcome="not-applicable", reason="first")
ADVICE = GateResult(policy="floor", task="t", outcome="fail", reason="bad", tier="advisory")
GOOD_ADVICE = GateResult(policy="floor", task="t", outcome="pass", reason="fine", tier="advisory")


def verdict(outcome="pass", gates=(PASS,), **more):
    counts = {"collected": 1, "passed": 1} if gates == (PASS,) else {}
    return {
        "repo_id": "acme/router",
        "candidate": Subject(revision="v1.0.0", sha="a" * 40),
        "baseline": None,
        "outcome": outcome,
        "gates": gates,
        "counts": Counts(**counts),
        "gates_code": GatesCode(digest="0" * 64),
        "hubver_version": "0.1",
        "created": "2026-01-01T00:00:00Z",
        "duration_seconds": 1.0,
        **more,
    }


@pytest.mark.parametrize(
    ("gates", "problems", "counts", "outcome"),
    [
        ((PASS,), (), {}, "pass"),
        ((PASS, ASIDE), (), {}, "pass"),
        ((), (), {}, "fail"),
        ((ASIDE,), (), {}, "fail"),
        ((PASS, FAIL), (), {}, "fail"),
        ((PASS, UNSURE), (), {}, "inconclusive"),
        ((UNSURE, FAIL), (), {}, "fail"),
        ((PASS,), ("something",), {}, "fail"),
        ((PASS,), (), {"tests_failed": 1}, "fail"),
        ((PASS,), (), {"skipped": 1}, "fail"),
        ((PASS,), (), {"deselected": 1}, "fail"),
        ((PASS,), (), {"not_run": 1}, "fail"),
        ((PASS, ADVICE), (), {}, "pass"),
        ((ADVICE,), (), {}, "fail"),
        ((UNSURE, ADVICE), (), {}, "inconclusive"),
        ((GOOD_ADVICE,), (), {}, "fail"),
    ],
)
def test_judge(gates, problems, counts, outcome):
    assert judge(gates, problems, Counts(**counts)) == outcome


def test_a_verdict_survives_its_bytes():
    one = Verdict(**verdict())
    assert one.passed
    assert Verdict.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize(
    "lie",
    [
        {"problems": ("something",)},
        {"gates": (), "counts": Counts()},
        {"gates": (FAIL,), "counts": Counts(failed=1)},
        {"counts": Counts(passed=2)},
        {"counts": Counts(passed=1, skipped=1)},
        {"outcome": "perhaps"},
        {"candidate": {"revision": "v1", "sha": "short"}},
        {"duration_seconds": float("nan")},
    ],
)
def test_a_verdict_that_contradicts_itself_is_none(lie):
    with pytest.raises(ValidationError):
        Verdict(**{**verdict(), **lie})


def test_an_advisory_gate_is_told_and_stops_nothing():
    one = Verdict(**verdict(gates=(PASS, ADVICE), counts=Counts(collected=2, passed=1)))
    assert one.passed
    assert Verdict.from_bytes(one.to_bytes()).gates[1].tier == "advisory"
    value = json.loads(one.to_bytes())
    value["gates"][1]["tier"] = "critical"
    with pytest.raises(BadDocument, match="counts"):
        Verdict.from_bytes(json.dumps(value).encode())


def test_a_verdict_of_an_earlier_hubver_is_still_one():
    old = json.loads(Verdict(**verdict()).to_bytes())
    since = {"tier", "planned", "e_values", "evidence", "bootstrap", "mcnemar", "p_fail", "p_fail_holm"}
    old["gates"] = [{key: value for key, value in gate.items() if key not in since} for gate in old["gates"]]
    read = Verdict.from_bytes(json.dumps(old).encode())
    assert read.passed
    assert (read.gates[0].tier, read.gates[0].planned, read.gates[0].evidence) == ("critical", None, None)


def test_what_a_later_hubver_adds_survives():
    value = json.loads(Verdict(**verdict()).to_bytes())
    value["gates"][0]["e_values"] = {"support": 20.0, "against": 0.1, "doubt": 3}
    value["gates"][0]["mood"] = "fine"
    assert json.loads(Verdict.from_bytes(json.dumps(value).encode()).to_bytes()) == value


def test_a_whole_result_survives_its_bytes():
    slices = {"a": {f"e{index}": 1.0 for index in range(60)}}
    found = policies.with_holm(
        [
            policies.no_regression("t", slices["a"], slices["a"], 0.1),
            policies.worst_slice("t", slices, slices, minimum=0.5, margin=0.2),
        ]
    )
    one = Verdict(**verdict(gates=found, counts=Counts(collected=2, passed=2)))
    assert Verdict.from_bytes(one.to_bytes()) == one
    assert one.gates[0].evidence.examples[-1] == 60
    assert one.gates[1].slices[0].p_fail_holm == 1.0


def test_a_report_that_was_doctored_cannot_be_read():
    failing = Verdict(**verdict("fail", (FAIL,), counts=Counts(collected=1, failed=1)))
    value = json.loads(failing.to_bytes())
    value["outcome"] = "pass"
    with pytest.raises(BadDocument, match="its own evidence says fail"):
        Verdict.from_bytes(json.dumps(value).encode())


OK, FAILED, INTERRUPTED, INTERNAL, USAGE, NONE = range(6)


@pytest.mark.parametrize(
    ("ended", "found", "status", "problem", "code"),
    [
        ([("t", "passed", "call", "")], (1, (PASS,)), OK, None, 0),
        ([("test_bad", "failed", "call", "x")], (1, (FAIL,)), FAILED, None, 0),
        ([("other", "failed", "call", "x")], (1, (FAIL,)), FAILED, "other failed in call: x", 0),
        ([("t", "passed", "call", ""), ("t", "failed", "teardown", "x")], (1, (PASS,)), FAILED, "teardown", 0),
        ([("t", "skipped", "setup", "x")], (1, (PASS,)), OK, "skipped: x", 0),
        ([], (1, (PASS,)), OK, "1 of 1 tests did not run", 0),
        ([("t", "passed", "setup", "")], (1, (PASS,)), OK, "1 of 1 tests did not run", 0),
        ([], (0, ()), NONE, "No tests were collected", 0),
        ([("t", "passed", "call", "")], (1, ()), OK, "No test asked the gate", 0),
        ([("t", "passed", "call", "")], (1, (PASS,)), FAILED, "no test explains", 0),
        ([("t", "passed", "call", "")], (1, (PASS,)), INTERRUPTED, "interrupted", 3),
        ([("t", "passed", "call", "")], (1, (PASS,)), INTERNAL, "status 3", 3),
        ([("t", "passed", "call", "")], (1, (PASS,)), USAGE, "status 4", 3),
        ([("t", "passed", "call", "")], (1, (PASS,)), 77, "status 77", 3),
    ],
)
def test_what_became_of_the_tests(ended, found, status, problem, code):
    watch = Watch()
    watch.collected, results = found
    for event in ended:
        watch.ended(*event)
    watch.finish(status, results)
    assert watch.error_code == code
    if problem is None:
        assert watch.problems == []
    else:
        assert len([item for item in watch.problems if problem in item]) == 1
