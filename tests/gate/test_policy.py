from __future__ import annotations

import pytest

from hubver.errors import BadInput
from hubver.gate import policies
from hubver.gate.policies.shared import ending

NAN = float("nan")


def scores(*values, prefix="e"):
    return {f"{prefix}{index}": value for index, value in enumerate(values)}


GOOD = scores(*[1.0] * 100)
BAD = scores(*[0.0] * 100)
HALF = scores(*[0.0, 1.0] * 50)


@pytest.mark.parametrize(
    ("given", "minimum", "outcome", "said"),
    [
        (GOOD, 0.9, "pass", "clears the floor"),
        (BAD, 0.9, "fail", "is below the floor"),
        (GOOD, 0.99, "inconclusive", "more examples would decide"),
        (HALF, 0.5, "inconclusive", "hardly decide"),
        ({}, 0.1, "fail", "zero examples"),
        (scores(1.0, NAN), 0.1, "fail", "is nan"),
        (scores(1.0, 1.5), 0.1, "fail", "outside"),
        (scores(1.0, -0.5), 0.1, "fail", "outside"),
        (scores(float("inf")), 0.1, "fail", "is inf"),
    ],
)
def test_floor(given, minimum, outcome, said):
    result = policies.floor("t", given, minimum)
    assert (result.outcome, result.n) == (outcome, len(given))
    assert said in result.reason


@pytest.mark.parametrize(
    ("candidate", "production", "margin", "outcome", "said"),
    [
        (GOOD, GOOD, 0.1, "pass", "no regression beyond"),
        (GOOD, BAD, 0.1, "pass", "no regression beyond"),
        (BAD, GOOD, 0.1, "fail", "is a regression beyond"),
        (GOOD, GOOD, 0.001, "inconclusive", "may be a regression"),
        (GOOD, None, 0.1, "not-applicable", "no production yet"),
        (GOOD, {}, 0.1, "fail", "production has no scores"),
        ({}, {}, 0.1, "fail", "candidate has no scores"),
        ({}, GOOD, 0.1, "fail", "candidate has no scores"),
        (scores(NAN), scores(1.0), 0.1, "fail", "candidate's score"),
        (scores(1.0), scores(NAN), 0.1, "fail", "production's score"),
        (scores(1.0), scores(1.0, prefix="x"), 0.1, "fail", "same examples"),
        (scores(1.0, 1.0), scores(1.0), 0.1, "fail", "same examples"),
    ],
)
def test_no_regression(candidate, production, margin, outcome, said):
    result = policies.no_regression("t", candidate, production, margin)
    assert result.outcome == outcome
    assert said in result.reason


def test_worst_slice_finds_the_one_that_vanished_into_the_mean():
    candidate = {"billing": GOOD, "returns": BAD, "account": GOOD}
    result = policies.worst_slice("t", candidate, minimum=0.8)
    assert result.outcome == "fail"
    assert "'returns'" in result.reason
    assert {item.name: item.outcome for item in result.slices} == {
        "billing": "pass",
        "returns": "fail",
        "account": "pass",
    }


@pytest.mark.parametrize(
    ("candidate", "production", "options", "outcome", "said"),
    [
        ({"a": GOOD, "b": GOOD}, None, {"minimum": 0.8}, "pass", "All 2 slices hold"),
        ({"a": GOOD}, {"a": GOOD, "b": GOOD}, {"margin": 0.1}, "fail", "no scores for it"),
        ({"a": GOOD}, {"a": GOOD, "b": GOOD}, {"minimum": 0.8}, "fail", "no scores for it"),
        ({"a": GOOD}, None, {"minimum": 0.8, "expect": ["a", "b"]}, "fail", "'b'"),
        ({"a": GOOD, "b": {}}, None, {"minimum": 0.8}, "fail", "'b'"),
        ({"a": GOOD, "b": GOOD}, {"a": GOOD}, {"margin": 0.2}, "fail", "production has no scores"),
        ({}, None, {"minimum": 0.8}, "fail", "no slices"),
        ({"a": GOOD, "b": BAD}, {"a": GOOD, "b": GOOD}, {"margin": 0.1}, "fail", "'b'"),
        ({"a": GOOD, "b": GOOD}, {"a": GOOD, "b": GOOD}, {"margin": 0.15, "minimum": 0.8}, "pass", "2 slices"),
        ({"a": GOOD}, None, {"margin": 0.1}, "not-applicable", "no production yet"),
        ({"a": GOOD}, None, {"margin": 0.1, "minimum": 0.8}, "pass", "1 slices"),
        ({"a": GOOD, "b": scores(*[1.0] * 10)}, None, {"minimum": 0.8}, "inconclusive", "'b'"),
        ({"a": GOOD, "b": scores(NAN)}, None, {"minimum": 0.8}, "fail", "nan"),
    ],
)
def test_worst_slice(candidate, production, options, outcome, said):
    result = policies.worst_slice("t", candidate, production, **options)
    assert result.outcome == outcome, result.reason
    assert said in result.reason


def test_the_threshold_is_the_one_that_the_interval_is_held_against():
    both = {"minimum": 0.1, "margin": 0.1}
    fallen = policies.worst_slice("t", {"a": HALF}, {"a": GOOD}, **both)
    assert (fallen.outcome, fallen.threshold) == ("fail", -0.1)
    assert fallen.interval.high < fallen.threshold
    low = policies.worst_slice("t", {"a": BAD}, {"a": BAD}, minimum=0.5, margin=0.3)
    assert (low.outcome, low.threshold) == ("fail", 0.5)
    assert low.interval.high < low.threshold
    assert low.slices[0].threshold == 0.5


def test_one_more_example_is_one():
    assert ending("inconclusive", 9, 9, 1) == "; about 1 more example would decide."
    assert ending("inconclusive", 9, 9, 1200) == "; about 1,200 more examples would decide."
    assert ending("pass", 64, 1500, None) == ", decided by 64 of 1,500 examples."


@pytest.mark.parametrize(
    ("difference", "n", "outcome"),
    [
        (0.5, 8, "pass"),
        (0.0, 8, "fail"),
        (NAN, 8, "fail"),
        (float("inf"), 8, "fail"),
        (0.5, 0, "fail"),
        (None, 8, "not-applicable"),
    ],
)
def test_alive(difference, n, outcome):
    assert policies.alive("t", difference, n=n).outcome == outcome


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 90.0, NAN])
def test_thresholds_that_decide_nothing_are_refused(threshold):
    with pytest.raises(BadInput, match="cannot be decided"):
        policies.floor("t", GOOD, threshold)
    with pytest.raises(BadInput, match="cannot be decided"):
        policies.no_regression("t", GOOD, GOOD, threshold)
    with pytest.raises(BadInput, match="cannot be decided"):
        policies.worst_slice("t", {"a": GOOD}, minimum=threshold)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0, NAN])
def test_an_error_probability_that_means_nothing_is_refused(alpha):
    with pytest.raises(BadInput, match=r"alpha of .* cannot be decided"):
        policies.floor("t", GOOD, 0.5, alpha=alpha)
    with pytest.raises(BadInput, match=r"alpha of .* cannot be decided"):
        policies.no_regression("t", GOOD, GOOD, 0.5, alpha=alpha)
    with pytest.raises(BadInput, match=r"alpha of .* cannot be decided"):
        policies.worst_slice("t", {"a": GOOD}, minimum=0.5, alpha=alpha)


def test_a_worst_slice_gate_that_checks_nothing_is_refused():
    with pytest.raises(BadInput, match="checks nothing"):
        policies.worst_slice("t", {"a": GOOD})
