from __future__ import annotations

import pytest

from hubver.errors import BadInput
from hubver.gate import policies, statistics
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
        (scores(1.0), 0.9, "inconclusive", "more examples would decide"),
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


def test_many_slices_do_not_need_better_ones_to_pass():
    alone = policies.worst_slice("t", {"a": GOOD}, minimum=0.8)
    among = policies.worst_slice("t", dict.fromkeys("abcdefgh", GOOD), minimum=0.8)
    assert among.outcome == "pass"
    assert among.slices[0].interval == alone.slices[0].interval


# Alone this is a fail, but not a clear one.
POOR = scores(*[0.0, 1.0, 1.0] * 13)


def test_one_slice_among_many_needs_more_evidence_to_fail():
    alone = policies.worst_slice("t", {"a": POOR}, minimum=0.85)
    assert alone.outcome == "fail"
    assert policies.ALPHA / 8 < alone.p_fail <= policies.ALPHA
    among = policies.worst_slice("t", {**dict.fromkeys("bcdefgh", GOOD), "a": POOR}, minimum=0.85)
    assert among.outcome == "inconclusive"
    assert "Alone this would be a fail" in among.reason
    assert "among 8 slices" in among.reason
    worst = among.slices[0]
    assert (worst.name, worst.outcome) == ("a", "inconclusive")
    assert worst.p_fail == alone.slices[0].p_fail
    assert worst.p_fail_holm == pytest.approx(8 * worst.p_fail)
    assert among.p_fail == worst.p_fail_holm


def test_a_slice_with_two_questions_pays_for_both():
    both = policies.worst_slice("t", {"a": POOR}, {"a": POOR}, minimum=0.85, margin=0.9)
    one = policies.worst_slice("t", {"a": POOR}, minimum=0.85)
    assert both.slices[0].p_fail == pytest.approx(2 * one.slices[0].p_fail)


@pytest.mark.parametrize(
    ("candidate", "planned", "options", "outcome", "said"),
    [
        ({"a": GOOD}, {"a": 100, "b": 40}, {}, "inconclusive", "none of its 40 examples was looked at yet"),
        ({"a": GOOD}, {"a": 100}, {"expect": ["b"]}, "fail", "the task has no example of it"),
        ({"a": GOOD, "b": BAD}, {"a": 500, "b": 500, "c": 5}, {}, "fail", "'b'"),
        ({}, {"a": 100}, {}, "inconclusive", "none of its 100 examples"),
        ({"a": GOOD}, {"a": 400}, {}, "pass", "decided by 100 of 400 examples"),
        ({"a": scores(NAN)}, {"a": 400, "b": 9}, {}, "fail", "nan"),
    ],
)
def test_a_slice_that_was_not_reached_yet_decides_nothing(candidate, planned, options, outcome, said):
    result = policies.worst_slice("t", candidate, minimum=0.8, planned=planned, **options)
    assert result.outcome == outcome, result.reason
    assert said in result.reason
    assert result.planned == sum(planned.values())


def test_slices_not_reached_yet_count_among_those_that_a_fail_must_stand_out_from():
    planned = {"a": 39, **dict.fromkeys("bcdefgh", 20)}
    result = policies.worst_slice("t", {"a": POOR}, minimum=0.85, planned=planned)
    assert result.slices[0].p_fail <= policies.ALPHA
    assert result.slices[0].p_fail_holm == pytest.approx(8 * result.slices[0].p_fail)
    assert result.outcome == "inconclusive"


def test_what_is_certain_needs_no_p_value():
    assert policies.worst_slice("t", {"a": POOR}, minimum=0.85, expect=["b"]).p_fail is None
    assert policies.floor("t", scores(NAN), 0.5).p_fail is None
    assert policies.no_regression("t", GOOD, {}, 0.5).p_fail is None


@pytest.mark.parametrize(
    ("given", "minimum", "outcome"), [(GOOD, 0.5, "pass"), (BAD, 0.5, "fail"), (HALF, 0.5, "inconclusive")]
)
def test_a_result_carries_the_evidence_that_decided_it(given, minimum, outcome):
    result = policies.floor("t", given, minimum)
    assert result.outcome == outcome
    assert (result.e_values.support >= 20) == (outcome == "pass")
    assert (result.e_values.against >= 20) == (outcome == "fail")
    assert result.p_fail == min(1.0, 1 / result.e_values.against)
    assert result.evidence.examples == tuple(range(1, 101))
    assert 10 ** max(result.evidence.support) == pytest.approx(result.e_values.support, rel=1e-3)
    assert 10 ** max(result.evidence.against) == pytest.approx(result.e_values.against, rel=1e-3)
    assert result.bootstrap.low <= result.value <= result.bootstrap.high


def test_the_curve_of_many_examples_is_thin():
    curve = policies.floor("t", scores(*[1.0, 1.0, 0.0] * 111), 0.5).evidence
    assert len(curve.examples) == len(curve.support) == len(curve.against) == 100
    assert curve.examples[-1] == 333
    assert list(curve.examples) == sorted(set(curve.examples))


def test_a_growing_first_part_is_decided_early_and_stays_decided():
    ids = statistics.shuffled([f"e{index}" for index in range(400)], 0)
    outcomes = []
    for size in (16, 64, 128, 400):
        result = policies.floor("t", dict.fromkeys(ids[:size], 1.0), 0.9, planned=400)
        assert (result.n, result.planned) == (size, 400)
        outcomes.append(result.outcome)
    assert outcomes == ["inconclusive", "pass", "pass", "pass"]
    early = policies.floor("t", dict.fromkeys(ids[:64], 1.0), 0.9, planned=400)
    assert early.reason.endswith("clears the floor 0.9, decided by 64 of 400 examples.")
    # What goes on is not worth a bootstrap.
    assert policies.floor("t", dict.fromkeys(ids[:16], 1.0), 0.9, planned=400).bootstrap is None


def test_mcnemar_is_for_right_or_wrong():
    assert policies.no_regression("t", HALF, GOOD, 0.1).mcnemar == pytest.approx(2 / 2**50)
    assert policies.no_regression("t", scores(0.5), scores(1.0), 0.1).mcnemar is None


@pytest.mark.parametrize(
    ("candidate", "base", "outcome", "said"),
    [
        (GOOD, GOOD, "pass", "Against its base model the mean went from 1.000 to 1.000"),
        (HALF, GOOD, "fail", "is a loss beyond the margin 0.1"),
        (scores(*[1.0] * 9), scores(*[1.0] * 9), "inconclusive", "may be a loss"),
        (GOOD, None, "not-applicable", "names no base model"),
        (GOOD, {}, "fail", "base has no scores"),
        ({}, GOOD, "fail", "candidate has no scores"),
        (scores(1.0), scores(NAN), "fail", "base's score"),
        (scores(1.0), scores(1.0, prefix="x"), "fail", "candidate and base were not scored on the same examples"),
    ],
)
def test_retained(candidate, base, outcome, said):
    result = policies.retained("t", candidate, base, 0.1)
    assert (result.policy, result.outcome) == ("retained", outcome), result.reason
    assert said in result.reason


def drawn(*found, times=100):
    return {f"e{index}": found for index in range(times)}


@pytest.mark.parametrize(
    ("draws", "options", "outcome", "said"),
    [
        (drawn(1.0, 1.0, 1.0), {}, "pass", "all 3 draws right, 1.000"),
        (drawn(1.0, 1.0, 0.0), {}, "fail", "0.000"),
        (drawn(1.0, 1.0, 0.0), {"each": "mean"}, "pass", "mean over 3 draws each, 0.667"),
        (drawn(1.0, 0.9), {}, "fail", "all 2 draws"),
        (drawn(1.0, 1.0, times=2), {}, "inconclusive", "more examples would decide"),
        ({}, {}, "fail", "zero examples"),
        (drawn(1.0), {}, "fail", "drawn 1 times"),
        ({"a": (1.0, 1.0), "b": (1.0,)}, {}, "fail", "drawn 1 to 2 times"),
        (drawn(1.0, NAN), {}, "fail", "is nan"),
        (drawn(1.0, 2.0), {}, "fail", "outside [0, 1]"),
        (drawn(NAN, 0.0), {"each": "mean"}, "fail", "is nan"),
    ],
)
def test_steady(draws, options, outcome, said):
    result = policies.steady("t", draws, 0.5, **options)
    assert (result.policy, result.outcome, result.n) == ("steady", outcome, len(draws)), result.reason
    assert said in result.reason


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
