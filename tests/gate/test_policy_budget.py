from __future__ import annotations

import random

import pytest

from hubver.errors import BadInput
from hubver.gate import policies
from hubver.gate.policies import Usage

NAN = float("nan")
MEGABYTE = 2**20


def usage(seconds=1.0, *, n=60, tokens=20.0, size=10 * MEGABYTE, spread=0.1, seed=0):
    """A model whose examples take about so long each, and the same ones longer than others."""
    generator, long = random.Random(seed), random.Random(99)
    names = [f"e{index}" for index in range(n)]
    took = {name: seconds * long.uniform(0.2, 5) * generator.uniform(1 - spread, 1 + spread) for name in names}
    return Usage(took, dict.fromkeys(names, tokens), size)


NOW = usage()


@pytest.mark.parametrize(
    ("candidate", "limits", "outcome", "said"),
    [
        (usage(1.0, seed=1), {"slower": 1.2}, "pass", "keeps the limit 1.2x"),
        (usage(1.5, seed=1), {"slower": 1.2}, "fail", "breaks the limit 1.2x"),
        (usage(1.2, seed=1), {"slower": 1.2}, "inconclusive", "cannot be told apart from"),
        (usage(1.0, n=60), {"slower": 1.0}, "pass", "is 1x"),
        (usage(0.01), {"seconds": 0.5}, "pass", "keeps the limit 0.5 s"),
        (usage(9.0), {"seconds": 0.5}, "fail", "breaks the limit 0.5 s"),
        (usage(1.0, seed=1), {"throughput": 0.8}, "pass", "keeps the limit 0.8x"),
        (usage(2.0, seed=1), {"throughput": 0.8}, "fail", "breaks the limit 0.8x"),
        (usage(1.0, tokens=5.0), {"throughput": 0.8}, "fail", "is 0.25x"),
        (usage(0.001), {"tokens_per_second": 100.0}, "pass", "keeps the limit 100 tokens/s"),
        (usage(10.0), {"tokens_per_second": 100.0}, "fail", "breaks the limit 100 tokens/s"),
        (usage(size=11 * MEGABYTE), {"larger": 1.1}, "pass", "keeps the limit 1.1x"),
        (usage(size=12 * MEGABYTE), {"larger": 1.1}, "fail", "breaks the limit 1.1x"),
        (usage(size=MEGABYTE), {"size": MEGABYTE}, "pass", "1.04858e+06 bytes"),
        (usage(size=MEGABYTE + 1), {"size": MEGABYTE}, "fail", "breaks the limit"),
        (usage(0.01), {"seconds": 0.5, "slower": 1.2, "size": 99 * MEGABYTE}, "pass", "All 3 limits hold"),
        (usage(0.01, size=None), {"seconds": 0.5, "size": 99}, "fail", "candidate's size is None"),
        (usage(n=0), {"seconds": 0.5}, "fail", "candidate was not timed"),
        (usage(n=59), {"slower": 2.0}, "fail", "same examples"),
        (Usage({"a": 0.0}), {"seconds": 1.0}, "fail", "seconds of example a are 0"),
        (Usage({"a": NAN}), {"seconds": 1.0}, "fail", "are nan"),
        (Usage({"a": 1.0}), {"tokens_per_second": 1.0}, "fail", "tokens of example a are None"),
    ],
)
def test_budget(candidate, limits, outcome, said):
    result = policies.budget("t", candidate, NOW, **limits)
    assert (result.policy, result.outcome) == ("budget", outcome), result.reason
    assert said in result.reason
    assert {item.name for item in result.slices} == set(limits)


def test_a_first_release_has_only_absolute_limits():
    assert policies.budget("t", NOW, None, slower=1.2, larger=1.0).outcome == "not-applicable"
    assert "no production yet" in policies.budget("t", NOW, None, slower=1.2).reason
    both = policies.budget("t", usage(0.01), None, slower=1.2, seconds=0.5)
    assert both.outcome == "pass"
    assert [item.name for item in both.slices] == ["seconds"]


def test_production_without_times_or_size_fails():
    assert "production was not timed" in policies.budget("t", NOW, Usage(), slower=1.2).reason
    assert "production's size is None" in policies.budget("t", NOW, Usage(), larger=1.2).reason


def test_no_outlier_moves_the_median():
    slow = dict(NOW.seconds)
    slow["e0"] = 1e6
    assert policies.budget("t", Usage(slow), NOW, slower=1.2).outcome == "pass"


def test_a_limit_that_holds_is_seldom_broken_by_noise_and_the_other_way_round():
    decided = {"pass": 0, "fail": 0, "inconclusive": 0}
    for seed in range(200):
        same = policies.budget("t", usage(n=40, seed=seed), usage(n=40, seed=1000 + seed), slower=1.0, alpha=0.1)
        decided[same.outcome] += 1
    # Three standard deviations above one in ten, on either side.
    assert max(decided["pass"], decided["fail"]) <= 200 * 0.1 + 3 * (200 * 0.1 * 0.9) ** 0.5


@pytest.mark.parametrize("limits", [{}, {"slower": 0.0}, {"seconds": -1.0}, {"size": NAN}, {"larger": float("inf")}])
def test_limits_that_mean_nothing_are_refused(limits):
    with pytest.raises(BadInput, match=r"limits nothing|cannot be met"):
        policies.budget("t", NOW, NOW, **limits)
