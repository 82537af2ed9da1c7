from __future__ import annotations

import random

import pytest

from hubver.gate import policies, statistics
from hubver.gate.verdict import GateResult


def result(p_fail, outcome="fail", **more):
    return GateResult(policy="floor", task="t", outcome=outcome, reason="It is so.", p_fail=p_fail, alpha=0.05, **more)


@pytest.mark.parametrize(
    ("results", "outcomes", "corrected"),
    [
        ([], [], []),
        ([result(0.04)], ["fail"], [0.04]),
        ([result(0.04), result(1.0, "pass")], ["inconclusive", "pass"], [0.08, 1.0]),
        ([result(0.01), result(0.02), result(1.0, "pass")], ["fail", "fail", "pass"], [0.03, 0.04, 1.0]),
        ([result(0.04), result(None)], ["fail", "fail"], [0.04, None]),
        ([result(0.04), result(None, "not-applicable")], ["fail", "not-applicable"], [0.04, None]),
        ([result(0.04), result(0.04, tier="advisory")], ["fail", "fail"], [0.04, 0.04]),
        ([result(0.15).model_copy(update={"alpha": 0.2})], ["fail"], [0.15]),
        ([result(0.04).model_copy(update={"alpha": None}), result(0.9, "pass")], ["inconclusive", "pass"], [0.08, 0.9]),
        ([result(0.3, "inconclusive"), result(0.001)], ["inconclusive", "fail"], [0.3, 0.002]),
    ],
)
def test_with_holm(results, outcomes, corrected):
    found = policies.with_holm(results)
    assert [item.outcome for item in found] == outcomes
    assert [item.p_fail_holm for item in found] == pytest.approx(corrected)


def test_the_reason_says_why_a_fail_is_none():
    found = policies.with_holm([result(0.04), result(1.0, "pass")])[0]
    assert found.reason == (
        "It is so. Alone this would be a fail (p = 0.040), but among 2 gates it may be chance "
        "(p = 0.080 after Holm's correction)."
    )


@pytest.mark.parametrize(
    ("item", "gates", "settled"),
    [
        (result(1.0, "pass"), 9, True),
        (result(None, "not-applicable"), 9, True),
        (result(0.5, "inconclusive"), 1, False),
        (result(0.04), 1, True),
        (result(0.04), 2, False),
        (result(0.004), 9, True),
        (result(None), 9, True),
    ],
)
def test_a_fail_is_settled_once_it_would_stand_among_all_gates(item, gates, settled):
    assert policies.settled(item, gates) == settled
    if settled and item.outcome == "fail":
        others = [result(1.0, "pass")] * (gates - 1)
        assert policies.with_holm([item, *others])[0].outcome == "fail"


def test_ten_fine_gates_seldom_fail_as_a_family():
    """Each is asked exactly at its floor, where alone up to one in twenty fails at some time."""
    generator, runs, alone, together = random.Random(6), 300, 0, 0
    for _ in range(runs):
        found = []
        for _ in range(10):
            values = [float(generator.random() < 0.7) for _ in range(60)]
            p_fail = min(1.0, 1 / statistics.evidence(values, 0.7, alpha=0.05, planned=60).most_below)
            found.append(result(p_fail, "fail" if p_fail <= 0.05 else "inconclusive"))
        alone += any(item.outcome == "fail" for item in found)
        together += any(item.outcome == "fail" for item in policies.with_holm(found))
    assert alone > runs * 0.2
    assert together <= runs * 0.05 + 3 * (runs * 0.05 * 0.95) ** 0.5
