from __future__ import annotations

import math
import random
from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hubver.gate import statistics
from hubver.gate.statistics import Interval

ALPHA = 0.05


def draws(generator, n, probability):
    return {f"e{index}": float(generator.random() < probability) for index in range(n)}


def named(values):
    return {f"e{index}": value for index, value in enumerate(values)}


def evidence(values, threshold, *, alpha=ALPHA, planned=None):
    return statistics.evidence(values, threshold, alpha=alpha, planned=planned or len(values))


def noise(probability, runs):
    """Three standard deviations of a share."""
    return 3 * math.sqrt(probability * (1 - probability) / runs)


# Each has mean -0.05: what one difference may be, and how likely.
AT_THE_MARGIN = [
    ((-1.0, 0.10), (0.0, 0.85), (1.0, 0.05)),
    ((-1.0, 0.30), (0.0, 0.45), (1.0, 0.25)),
    ((-0.1, 0.5), (0.0, 0.5)),
    ((-0.5, 0.3), (-0.1, 0.25), (0.25, 0.45)),
    ((-1.0, 0.05), (0.0, 0.95)),
]


def differences(generator, outcomes, n):
    values, weights = zip(*outcomes, strict=True)
    return [(value + 1) / 2 for value in generator.choices(values, weights, k=n)]


@pytest.mark.parametrize("outcomes", AT_THE_MARGIN)
def test_a_truth_at_the_threshold_is_seldom_decided_at_any_time(outcomes):
    generator, runs = random.Random(4), 800
    found = [evidence(differences(generator, outcomes, 150), 0.475, alpha=0.1) for _ in range(runs)]
    assert sum(max(item.above) >= item.goal for item in found) <= runs * (0.1 + noise(0.1, runs))
    assert sum(max(item.below) >= item.goal for item in found) <= runs * (0.1 + noise(0.1, runs))


def test_the_simulation_catches_a_goal_that_is_too_low():
    """The test above must be able to fail: evidence for another alpha is found far too often."""
    generator, runs = random.Random(4), 400
    found = [evidence(differences(generator, AT_THE_MARGIN[0], 150), 0.475, alpha=0.1) for _ in range(runs)]
    assert sum(max(item.above) >= 3 for item in found) > runs * (0.1 + noise(0.1, runs))


def test_an_e_value_is_fair_at_the_threshold():
    """Its mean over all equally likely samples is 1, whatever the bets: the one fact that everything rests on."""
    total = 0.0
    for sample in range(2**10):
        values = [float(sample >> bit & 1) for bit in range(10)]
        ones = sum(values)
        total += 0.3**ones * 0.7 ** (10 - ones) * evidence(values, 0.3, planned=10).above[-1]
    assert total == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("truth", "n"), [(0.5, 40), (0.9, 60), (0.98, 60), (0.03, 30)])
def test_each_end_of_the_interval_is_wrong_no_more_often_than_it_says(truth, n):
    generator, alpha, runs = random.Random(20), 0.1, 300
    found = [statistics.mean_interval(draws(generator, n, truth), alpha=alpha) for _ in range(runs)]
    assert sum(item.low > truth for item in found) <= runs * (alpha + noise(alpha, runs))
    assert sum(item.high < truth for item in found) <= runs * (alpha + noise(alpha, runs))


def by_the_paper(values, alpha, planned):
    """The same evidence the slow way: three gamblers, logarithms, the formulas as they are printed."""
    parts = []
    for share, plan in ((0.5, planned), (0.25, planned / 4), (0.25, planned / 16)):
        logarithm, total, squares, variance, path = 0.0, 0.5, 0.25, 0.25, []
        for index, value in enumerate(values, start=1):
            bet = min(math.sqrt(2 * math.log(1 / alpha) / (plan * variance)), 0.75 / 0.6)
            logarithm += math.log1p(bet * (value - 0.6))
            path.append(share * math.exp(logarithm))
            total += value
            squares += (value - total / (index + 1)) ** 2
            variance = squares / (index + 1)
        parts.append(path)
    return [sum(step) for step in zip(*parts, strict=True)]


@pytest.mark.parametrize(("seed", "truth", "n"), [(1, 0.5, 50), (2, 0.9, 120), (3, 0.99, 80), (4, 0.05, 60)])
def test_the_evidence_is_the_paper_s(seed, truth, n):
    values = list(draws(random.Random(seed), n, truth).values())
    assert evidence(values, 0.6, planned=2 * n).above == pytest.approx(by_the_paper(values, ALPHA, 2 * n), rel=1e-6)


def test_known_numbers_to_the_last_bit():
    """The same on every machine: these were computed once, and any other arithmetic would change them."""
    scores = named([(index % 7) / 6 for index in range(100)])
    assert statistics.mean_interval(scores, alpha=ALPHA) == Interval(0.40544725116342306, 0.5788715807721019)
    assert statistics.difference_interval(scores, scores, alpha=ALPHA) == Interval(
        -0.03956897556781769, 0.03956897556781769
    )
    assert evidence(list(scores.values()), 0.4).above[-1] == 37.72806703619985


scores_of_any_kind = some.lists(
    some.one_of(some.sampled_from([0.0, 0.5, 1.0]), some.floats(0, 1)), min_size=1, max_size=60
)
thresholds = some.floats(0.01, 0.99)
few = settings(max_examples=60)


@few
@given(scores_of_any_kind, thresholds, some.integers(0, 200), some.data())
def test_evidence_on_the_first_examples_is_the_first_part_of_all_evidence(values, threshold, later, data):
    size = data.draw(some.integers(1, len(values)))
    whole = evidence(values, threshold, planned=len(values) + later)
    part = evidence(values[:size], threshold, planned=len(values) + later)
    assert part.above == whole.above[:size]
    assert part.below == whole.below[:size]
    if part.decision:
        assert whole.decision == part.decision


@few
@given(scores_of_any_kind, thresholds, thresholds)
def test_evidence_falls_as_the_threshold_rises(values, one, other):
    low, high = min(one, other), max(one, other)
    lower, higher = evidence(values, low), evidence(values, high)
    exactly = 1 + 1e-9
    assert all(a * exactly >= b for a, b in zip(lower.above, higher.above, strict=True))
    assert all(a <= b * exactly for a, b in zip(lower.below, higher.below, strict=True))


@few
@given(scores_of_any_kind, thresholds)
def test_the_decision_and_the_interval_agree(values, threshold):
    found = statistics.ask_mean(named(values), threshold, alpha=0.2, planned=len(values))
    interval = found.interval
    assert 0.0 <= interval.low <= interval.high <= 1.0
    if found.decision > 0:
        assert interval.low >= threshold
    elif found.decision < 0:
        assert interval.high <= threshold
    else:
        assert interval.low <= threshold + 1e-8
        assert interval.high >= threshold - 1e-8


@few
@given(scores_of_any_kind, thresholds, some.randoms())
def test_the_order_in_which_examples_are_given_changes_nothing(values, threshold, luck):
    scores = named(values)
    mixed = list(scores.items())
    luck.shuffle(mixed)
    assert statistics.ask_mean(dict(mixed), threshold, alpha=ALPHA, planned=99) == statistics.ask_mean(
        scores, threshold, alpha=ALPHA, planned=99
    )
    assert statistics.mean(dict(mixed)) == statistics.mean(scores)


@few
@given(scores_of_any_kind, thresholds)
def test_the_mirrored_question_has_the_mirrored_answer(values, threshold):
    found, mirrored = evidence(values, threshold), evidence([1 - value for value in values], 1 - threshold)
    assert found.above == pytest.approx(mirrored.below, rel=1e-6)
    assert found.below == pytest.approx(mirrored.above, rel=1e-6)


def test_capital_neither_overflows_nor_comes_back_from_nothing():
    sure = evidence([1.0] * 3000, 0.1)
    assert all(math.isfinite(value) for value in (*sure.above, *sure.below))
    assert sure.most_above > 1e99
    assert sure.below[-1] < 1e-50
    assert sure.decision == 1


def test_of_two_decisions_the_first_counts():
    turned = evidence([1.0] * 60 + [0.0] * 600, 0.5)
    assert min(turned.most_above, turned.most_below) >= turned.goal
    assert turned.decision == 1


def test_the_seed_and_nothing_else_decides_the_order():
    ids = [f"e{index}" for index in range(6)]
    # A fixed answer, so that another Python or machine that orders differently is found out.
    assert statistics.shuffled(ids, 0) == ["e3", "e5", "e1", "e2", "e0", "e4"]
    assert statistics.shuffled(ids[::-1], 0) == statistics.shuffled(ids, 0)
    assert statistics.shuffled(ids, 1) != statistics.shuffled(ids, 0)
    assert statistics.shuffled(["e5", "e3", "e2"], 0) == ["e3", "e5", "e2"]


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [([1.0] * 300, 0.98, 1.0), ([0.0] * 300, 0.0, 0.02), ([0.5] * 300, 0.48, 0.52), ([1.0], 0.0, 1.0)],
)
def test_sure_data_gives_narrow_intervals_and_one_example_says_nothing(values, low, high):
    interval = statistics.mean_interval(named(values), alpha=ALPHA)
    assert interval.low >= low
    assert interval.high <= high
    if len(values) == 1:
        assert interval.high - interval.low > 0.9


@pytest.mark.parametrize("scores", [{}, {"a": float("nan")}, {"a": 1.1}, {"a": -0.1}, {"a": float("inf")}])
def test_what_has_no_interval_is_refused(scores):
    with pytest.raises(ValueError, match="score"):
        statistics.mean_interval(scores, alpha=ALPHA, planned=10)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_an_alpha_that_means_nothing_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        statistics.mean_interval({"a": 1.0}, alpha=alpha)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5, float("nan")])
def test_a_threshold_that_means_nothing_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        statistics.evidence([1.0], threshold, alpha=ALPHA, planned=1)


def test_something_must_be_planned():
    with pytest.raises(ValueError, match="planned"):
        statistics.evidence([1.0], 0.5, alpha=ALPHA, planned=0)


def test_pairs_need_the_same_examples():
    with pytest.raises(ValueError, match="same examples"):
        statistics.difference_interval({"a": 1.0}, {"b": 1.0}, alpha=ALPHA)


@pytest.mark.parametrize("truth", [0.88, 0.86, 0.70])
def test_the_advised_number_of_examples_decides_nine_times_in_ten(truth):
    generator, decided, advised = random.Random(9), 0, 0
    for _ in range(150):
        first = list(draws(generator, 80, truth).values())
        if evidence(first, 0.8).decision or (more := statistics.examples_needed(first, 0.8, alpha=ALPHA)) is None:
            continue
        if more > 8000:
            continue
        advised += 1
        decided += evidence([*first, *draws(generator, more, truth).values()], 0.8).decision != 0
    assert advised >= 40
    assert decided >= 0.9 * advised


def test_an_estimate_on_the_threshold_cannot_be_decided_by_more():
    assert statistics.examples_needed([0.0, 1.0] * 20, 0.5, alpha=ALPHA) is None
    assert statistics.examples_needed([0.0, 1.0] * 20 + [1.0], 0.51, alpha=ALPHA) is None


@pytest.mark.parametrize(
    ("values", "limit", "decision"),
    [
        ([0.9, 1.0, 1.1] * 20, 1.2, 1),
        ([0.9, 1.0, 1.1] * 20, 0.8, -1),
        ([0.9, 1.0, 1.1] * 20, 1.0, 0),
        ([1.0, 1.0, 1.0, 900.0] * 20, 1.2, 1),  # a median does not care how slow the slowest is
        ([1.0] * 40, 1.0, 1),
        ([0.5], 1.0, 0),
    ],
)
def test_a_median_is_held_against_a_limit(values, limit, decision):
    found = statistics.ask_median_at_most(named(values), limit, alpha=ALPHA, planned=len(values))
    assert found.decision == decision
    if found.interval is not None:
        assert (found.interval.high <= limit) == (decision == 1)
        assert (found.interval.low > limit) == (decision == -1)


def test_the_median_s_interval_holds_it():
    generator, runs, missed, bounded = random.Random(3), 200, 0, 0
    for _ in range(runs):
        values = named([generator.lognormvariate(0, 1) for _ in range(60)])
        interval = statistics.ask_median_at_most(values, 1.0, alpha=0.1, planned=60).interval
        bounded += interval is not None
        missed += interval is not None and not interval.low <= 1.0 <= interval.high
    assert bounded > 0.9 * runs
    assert missed <= runs * (0.2 + noise(0.2, runs))


@pytest.mark.parametrize(
    ("given_p", "corrected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm(given_p, corrected):
    assert statistics.holm(given_p) == pytest.approx(corrected)


@few
@given(some.lists(some.floats(0, 1), max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni_s(p_values):
    for alone, corrected in zip(p_values, statistics.holm(p_values), strict=True):
        assert alone <= corrected <= min(1.0, alone * len(p_values))


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (0, 5), (3, 9), (10, 10), (40, 61), (700, 900)])
def test_mcnemar_is_the_binomial_test(won, lost):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert statistics.mcnemar(won, lost) == pytest.approx(expected)
    assert statistics.mcnemar(lost, won) == statistics.mcnemar(won, lost)


def test_mcnemar_needs_counts():
    with pytest.raises(ValueError, match="negative"):
        statistics.mcnemar(-1, 3)


def test_the_bootstrap_is_the_same_everywhere_and_about_right():
    values = [(index % 7) / 6 for index in range(100)] * 2
    interval = statistics.bootstrap_interval(values, alpha=ALPHA)
    # Computed once: the bits are numpy's promise, the sums are ours.
    assert interval == Interval(0.4541666666666668, 0.5316666666666666)
    assert statistics.bootstrap_interval(values, alpha=ALPHA, seed=1) != interval
    normal = 2 * 1.645 * stdev(values) / math.sqrt(len(values))
    assert interval.high - interval.low == pytest.approx(normal, rel=0.1)


def test_the_bootstrap_believes_what_betting_does_not():
    """Why it decides nothing: three equal answers would prove that two models are the same."""
    assert statistics.bootstrap_interval([0.0] * 3, alpha=ALPHA) == Interval(0.0, 0.0)
    assert statistics.difference_interval(named([1.0] * 3), named([1.0] * 3), alpha=ALPHA).low < -0.5


@pytest.mark.parametrize(("values", "alpha"), [([], 0.05), ([1.0], 0.5), ([1.0], 0.0)])
def test_what_cannot_be_resampled_is_refused(values, alpha):
    with pytest.raises(ValueError, match="bootstrap"):
        statistics.bootstrap_interval(values, alpha=alpha)
