from __future__ import annotations

import pytest

from hubver.record.schema import Environment
from hubver.reproduce.environment import GRADES, compare, gravest

HERE = {"accelerator": "cpu", "threads": 2, "python": "3.11.9", "packages": {"torch": "2.6.0", "trl": "1.2.0"}}


def graded(was: dict, now: dict) -> dict[str, str]:
    return {one.name: one.grade for one in compare(Environment(**was), Environment(**now))}


def test_the_same_is_the_same():
    assert set(graded(HERE, HERE).values()) == {"same"}
    assert gravest(compare(Environment(**HERE), Environment(**HERE))) == "same"


@pytest.mark.parametrize(
    ("change", "name", "grade"),
    [
        ({"accelerator": "NVIDIA H100"}, "accelerator", "will change the result"),
        ({"threads": 4}, "threads", "may change bytes"),
        ({"python": "3.11.2"}, "python", "harmless"),
        ({"python": "3.12.0"}, "python", "may change bytes"),
        ({"packages": {"torch": "2.6.0+cpu", "trl": "1.2.0"}}, "torch", "may change bytes"),
        ({"packages": {"torch": "2.6.1", "trl": "1.2.0"}}, "torch", "may change bytes"),
        ({"packages": {"torch": "3.0.0", "trl": "1.2.0"}}, "torch", "will change the result"),
        ({"packages": {"torch": "2.6.0", "trl": "1.3.0"}}, "trl", "will change the result"),
        ({"packages": {"torch": "2.6.0"}}, "trl", "will change the result"),
    ],
)
def test_a_difference_is_graded_by_what_it_can_do(change, name, grade):
    assert graded(HERE, {**HERE, **change})[name] == grade
    assert gravest(compare(Environment(**HERE), Environment(**{**HERE, **change}))) == grade


@pytest.mark.parametrize("now", [{}, {"rich": "14.0"}], ids=["missing", "other"])
def test_a_package_that_training_does_not_depend_on_is_harmless(now):
    assert graded({"packages": {"rich": "13.0"}}, {"packages": now}) == {"rich": "harmless"}


def test_a_package_that_is_only_here_is_nothing_to_the_run():
    assert graded({"packages": {}}, {"packages": {"torch": "2.6.0"}}) == {}


def test_what_one_side_does_not_know_is_not_compared():
    assert graded({"threads": None, "blas": "mkl"}, {"threads": 2, "blas": None}) == {}


def test_the_gravest_comes_first_and_every_difference_has_its_reason():
    now = {**HERE, "threads": 3, "python": "3.11.1", "accelerator": "mps"}
    found = compare(Environment(**HERE), Environment(**now))
    assert [one.name for one in found][:3] == ["accelerator", "threads", "python"]
    ranks = [GRADES.index(one.grade) for one in found]
    assert ranks == sorted(ranks, reverse=True)
    assert all(one.reason for one in found if one.grade != "same")
