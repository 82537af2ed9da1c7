from __future__ import annotations

import math
import random

import pytest

from hubver.gate import statistics
from hubver.gate.statistics import Interval


def draws(generator, n, probability):
    return {f"e{index}": float(generator.random() < probability) for index in range(n)}


@pytest.mark.parametrize(("truth", "n"), [(0.5, 40), (0.9, 60), (0.98, 60), (0.03, 30)])
def test_the_interval_misses_the_mean_no_more_often_than_it_says(truth, n):
    generator, alpha, runs = random.Random(20), 0.2, 400
    missed = 0
    for _ in range(runs):
        interval = statistics.mean_interval(draws(generator, n, truth), alpha=alpha)
        missed += not interval.low <= truth <= interval.high
    # Three standard deviations of a binomial above alpha; an interval of the normal kind misses 0.98 far oftener.
    assert missed <= runs * alpha + 3 * (runs * alpha * (1 - alpha)) ** 0.5


def test_the_simulation_catches_an_interval_that_is_too_narrow():
    """The test above must be able to fail: intervals made for another alpha miss far too often."""
    generator, alpha, runs, truth = random.Random(20), 0.2, 400, 0.5
    missed = 0
    for _ in range(runs):
        interval = statistics.mean_interval(draws(generator, 40, truth), alpha=0.9)
        missed += not interval.low <= truth <= interval.high
    assert missed > runs * alpha + 3 * (runs * alpha * (1 - alpha)) ** 0.5


@pytest.mark.parametrize(
    "outcomes",
    [
        # (difference, probability): each has mean -0.05
        ((-1.0, 0.10), (0.0, 0.85), (1.0, 0.05)),
        ((-0.1, 0.5), (0.0, 0.5)),
        ((-1.0, 0.05), (0.0, 0.95)),
    ],
)
def test_a_true_regression_at_the_margin_seldom_clears_it(outcomes):
    generator, alpha, runs, n = random.Random(4), 0.2, 400, 80
    values, weights = zip(*outcomes, strict=True)
    cleared = 0
    for _ in range(runs):
        differences = generator.choices(values, weights, k=n)
        candidate = {f"e{index}": min(1.0, 1.0 + value) for index, value in enumerate(differences)}
        production = {f"e{index}": min(1.0, 1.0 - value) for index, value in enumerate(differences)}
        cleared += statistics.difference_interval(candidate, production, alpha=alpha).low > -0.05
    assert cleared <= runs * alpha / 2 + 3 * (runs * alpha / 2 * (1 - alpha / 2)) ** 0.5


def test_the_order_of_the_examples_changes_nothing():
    generator = random.Random(1)
    scores = {f"e{index}": generator.random() for index in range(200)}
    mixed = list(scores.items())
    generator.shuffle(mixed)
    assert statistics.mean_interval(dict(mixed), alpha=0.05) == statistics.mean_interval(scores, alpha=0.05)
    assert statistics.mean(dict(mixed)) == statistics.mean(scores)


def test_the_seed_and_nothing_else_decides_the_order():
    ids = [f"e{index}" for index in range(6)]
    # A fixed answer, so that another Python or machine that orders differently is found out.
    assert statistics.shuffled(ids, 0) == ["e3", "e5", "e1", "e2", "e0", "e4"]
    assert statistics.shuffled(ids[::-1], 0) == statistics.shuffled(ids, 0)
    assert statistics.shuffled(ids, 1) != statistics.shuffled(ids, 0)


def test_known_intervals_to_the_last_bit():
    """The same on every machine: these numbers were computed once, and any other arithmetic would change them."""
    scores = {f"e{index}": (index % 7) / 6 for index in range(100)}
    assert statistics.mean_interval(scores, alpha=0.05) == Interval(0.4055466621039159, 0.5786399530461495)
    assert statistics.difference_interval(scores, scores, alpha=0.05) == Interval(
        -0.04882956041001307, 0.04882956041001307
    )


def by_the_paper(values, alpha):
    """The same set the slow way: every m of a grid, both gamblers, logarithms (Theorem 3)."""
    n, kept = len(values), []
    for step in range(1, 1000):
        m = step / 1000
        up = down = best = 0.0
        total, squares, variance = 0.5, 0.25, 0.25
        for index, value in enumerate(values, start=1):
            bet = math.sqrt(2 * math.log(2 / alpha) / (n * variance))
            up += math.log1p(min(bet, 0.75 / m) * (value - m))
            down += math.log1p(-min(bet, 0.75 / (1 - m)) * (value - m))
            best = max(best, up, down)
            total += value
            squares += (value - total / (index + 1)) ** 2
            variance = squares / (index + 1)
        if best + math.log(0.5) < math.log(1 / alpha):
            kept.append(m)
    return kept[0], kept[-1]


@pytest.mark.parametrize(("seed", "truth", "n"), [(1, 0.5, 50), (2, 0.9, 120), (3, 0.99, 80), (4, 0.05, 60)])
def test_the_interval_is_the_paper_s(seed, truth, n):
    scores = draws(random.Random(seed), n, truth)
    low, high = by_the_paper([scores[name] for name in statistics.shuffled(list(scores), 0)], 0.05)
    interval = statistics.mean_interval(scores, alpha=0.05)
    assert interval.low == pytest.approx(low, abs=0.0011)
    assert interval.high == pytest.approx(high, abs=0.0011)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [([1.0] * 300, 0.98, 1.0), ([0.0] * 300, 0.0, 0.02), ([0.5] * 300, 0.48, 0.52), ([1.0], 0.0, 1.0)],
)
def test_sure_data_gives_narrow_intervals_and_one_example_says_nothing(values, low, high):
    interval = statistics.mean_interval({f"e{index}": value for index, value in enumerate(values)}, alpha=0.05)
    assert interval.low >= low
    assert interval.high <= high
    if len(values) == 1:
        assert interval.high - interval.low > 0.9


@pytest.mark.parametrize("scores", [{}, {"a": float("nan")}, {"a": 1.1}, {"a": -0.1}, {"a": float("inf")}])
def test_what_has_no_interval_is_refused(scores):
    with pytest.raises(ValueError, match="score"):
        statistics.mean_interval(scores, alpha=0.05)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_an_alpha_that_means_nothing_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        statistics.mean_interval({"a": 1.0}, alpha=alpha)


def test_pairs_need_the_same_examples():
    with pytest.raises(ValueError, match="same examples"):
        statistics.difference_interval({"a": 1.0}, {"b": 1.0}, alpha=0.05)


def test_the_advised_number_of_examples_usually_decides():
    generator, decided, advised = random.Random(9), 0, 0
    for _ in range(60):
        scores = draws(generator, 60, 0.95)
        interval = statistics.mean_interval(scores, alpha=0.05)
        more = statistics.examples_needed(list(scores.values()), interval, 0.85)
        if interval.low >= 0.85 or more is None:
            continue
        advised += 1
        bigger = statistics.mean_interval(draws(generator, 60 + more, statistics.mean(scores)), alpha=0.05)
        decided += not bigger.low < 0.85 <= bigger.high
    assert advised >= 20
    assert decided >= 0.8 * advised


def test_an_estimate_on_the_threshold_cannot_be_decided_by_more():
    assert statistics.examples_needed([0.0, 1.0] * 20, Interval(0.3, 0.7), 0.5) is None
